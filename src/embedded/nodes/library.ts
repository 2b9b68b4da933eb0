import type { JsonValue } from '../../core/json.js';
import type { InputSpec, NodeDefinition } from '../../graph/types.js';
import type { NodeCheckContext, NodeClass, NodeContext, NodeResult, RehearsalOptions } from '../node.js';
import { Inputs } from './inputs.js';
import { type NodeProfile, type ParsedInterface, parseInterfaces } from './notation.js';

/**
 * A family of node classes: their interfaces in the notation of notation.ts, and what each of them does. `createFamily`
 * joins both; a class without a behaviour, or a behaviour without a class, is a mistake in this project and throws.
 */
export interface NodeFamily {
  readonly interfaces: string;
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  /** What every class does that `behaviours` does not name. */
  readonly otherwise?: Run;
  readonly special?: Readonly<Record<string, Readonly<Record<string, InputSpec>>>>;
}

/** Everything that the library is made for once, when the engine is put together. */
export interface NodeSetup {
  readonly rehearsal: RehearsalOptions;
  readonly profile: NodeProfile;
  /** For time tokens in file names. */
  readonly now: () => Date;
  /** Five lower-case letters that keep apart the preview files of different runs. */
  readonly temporaryToken: () => string;
}

export type Run = (
  inputs: Inputs,
  context: NodeContext,
  setup: NodeSetup,
  definition: NodeDefinition,
) => Outcome | Promise<Outcome>;

/** The outputs in order, or a full result. */
export type Outcome = readonly unknown[] | NodeResult;

/** What a class does: just a function, or one with the hooks that the engine knows (see NodeClass). */
export type Behaviour = Run | DetailedBehaviour;

export interface DetailedBehaviour {
  readonly run: Run;
  readonly validate?: (
    inputs: Inputs,
    context: NodeCheckContext,
    setup: NodeSetup,
  ) => true | string | Promise<true | string>;
  readonly validatedInputs?: readonly string[];
  readonly isChanged?: (inputs: Inputs, context: NodeCheckContext, setup: NodeSetup) => JsonValue | Promise<JsonValue>;
  readonly checkLazy?: (inputs: Inputs) => readonly string[];
  readonly inputIsList?: boolean;
  readonly cacheByNodeId?: boolean;
}

export function createFamily(family: NodeFamily, setup: NodeSetup): NodeClass[] {
  const interfaces = parseInterfaces(family.interfaces, {
    profile: setup.profile,
    models: setup.rehearsal.models,
    ...(family.special ? { special: family.special } : {}),
  });
  return Array.from(interfaces, ([name, parsed]) => {
    const behaviour = family.behaviours[name] ?? family.otherwise;
    if (!behaviour) throw new RangeError(`The node class ${name} has no behaviour.`);
    return createNode(parsed, typeof behaviour === 'function' ? { run: behaviour } : behaviour, setup);
  });
}

function createNode(parsed: ParsedInterface, behaviour: DetailedBehaviour, setup: NodeSetup): NodeClass {
  const { definition, defaults, modelInputs } = parsed;
  const read = (values: Readonly<Record<string, unknown>>) => new Inputs(definition.name, values, defaults);
  const { validate, isChanged, checkLazy } = behaviour;
  // Any model name will do for a rehearsal, so the engine must not compare it with the (empty) list.
  const unchecked = setup.rehearsal.models === 'any' ? [...modelInputs.keys()] : [];
  const validated = [...(behaviour.validatedInputs ?? []), ...unchecked];
  return {
    definition,
    execute: async (values, context) => {
      const outcome = await behaviour.run(read(values), context, setup, definition);
      return 'outputs' in outcome ? outcome : { outputs: outcome };
    },
    ...(validate || validated.length > 0
      ? { validate: async (values, context) => (validate ? validate(read(values), context, setup) : true) }
      : {}),
    ...(validated.length > 0 ? { validatedInputs: validated } : {}),
    ...(isChanged ? { isChanged: (values, context) => isChanged(read(values), context, setup) } : {}),
    ...(checkLazy ? { checkLazy: (values) => checkLazy(read(values)) } : {}),
    ...(behaviour.inputIsList ? { inputIsList: true } : {}),
    ...(behaviour.cacheByNodeId ? { cacheByNodeId: true } : {}),
  };
}
