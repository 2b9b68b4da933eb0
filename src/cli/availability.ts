import { EaselError, GraphError } from '../core/errors.js';
import {
  DefinitionIndex,
  findMissing,
  type Graph,
  graphNodeLabel,
  type Missing,
  type NodeDefinitions,
} from '../graph/index.js';

/**
 * What a backend lacks for a graph, as far as it is certain before anything is sent. A false alarm would be worse than
 * none: what only may be wrong is left to the backend, whose answer names node and input too.
 */
export function certainlyMissing(graph: Graph, definitions: NodeDefinitions): Missing {
  const index = new DefinitionIndex(definitions);
  const { classes, choices, requiredInputs } = findMissing(graph, definitions);
  return {
    classes,
    choices: choices.filter(
      ({ folder, classType, input }) => folder !== null && listsFiles(index.input(classType, input)?.choices),
    ),
    // Inputs that come and go with what is connected or chosen are for the backend to judge.
    requiredInputs: requiredInputs.filter(
      ({ classType, input }) =>
        !input.includes('.') && index.input(classType, input)?.type.startsWith('COMFY_') === false,
    ),
  };
}

/**
 * A loader that lists no file at all has either no model or no list: the built-in engine takes any name, and names without
 * an extension (`pixel_space`, `taesd`) stand for what needs no file.
 */
function listsFiles(choices: readonly unknown[] | undefined): boolean {
  return (choices ?? []).some((choice) => typeof choice === 'string' && /\.\w+$/.test(choice));
}

/** Throws `backend_node_missing`, `backend_model_missing`, `graph_invalid`, each naming all of its kind. */
export function requireRunnable(graph: Graph, definitions: NodeDefinitions): void {
  const { classes, choices, requiredInputs } = certainlyMissing(graph, definitions);
  const label = (id: string) => graphNodeLabel(id, graph[id] ?? { class_type: '', inputs: {} });
  if (classes.length > 0) {
    const named = classes.map(({ classType, nodes }) => `${classType} (node ${nodes.map(({ id }) => id).join(', ')})`);
    throw new EaselError(
      'backend_node_missing',
      `The backend lacks ${listed(['node class', 'node classes'], named)}.`,
      {
        details: { classes },
        ...nearestHint(classes, INSTALL_NODE),
      },
    );
  }
  if (choices.length > 0) {
    const named = choices.map(({ nodeId, folder, value }) => `${folder}/${value} (${label(nodeId)})`);
    throw new EaselError('backend_model_missing', `The backend lacks ${listed(['model', 'models'], named)}.`, {
      details: { models: choices },
      ...nearestHint(choices, 'Put the file into the model folder of the backend, or choose one with --set.'),
    });
  }
  if (requiredInputs.length > 0) {
    const named = requiredInputs.map(({ nodeId, input }) => `"${input}" of ${label(nodeId)}`);
    const { nodeId, input } = requiredInputs[0]!;
    throw new GraphError(
      'graph_invalid',
      `The workflow does not fill ${listed(['required input', 'required inputs'], named)}.`,
      {
        hint: `Connect it in ComfyUI, or set a value with --set ${nodeId}.${input}=VALUE.`,
        details: { inputs: requiredInputs },
      },
    );
  }
}

const INSTALL_NODE = 'Install the custom node on the backend, or choose another backend.';

/** The converter finds unknown classes first, and knows the nearest ones. */
export function withNearestClass(thrown: unknown): unknown {
  if (!(thrown instanceof EaselError) || thrown.code !== 'backend_node_missing') return thrown;
  const classes = thrown.details?.['classes'];
  if (!Array.isArray(classes)) return thrown;
  return new EaselError(thrown.code, thrown.message, {
    cause: thrown,
    details: thrown.details ?? {},
    ...nearestHint(classes as { nearest: string[] }[], INSTALL_NODE),
  });
}

function nearestHint(items: readonly { readonly nearest: readonly string[] }[], otherwise: string): { hint?: string } {
  const near = items[0]?.nearest ?? [];
  if (near.length === 0) return { hint: otherwise };
  return { hint: `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}? ${otherwise}` };
}

const MAX_LISTED = 5;

/** `the model a`, or `3 models: a; b; c`. */
function listed([one, many]: readonly [string, string], named: readonly string[]): string {
  if (named.length === 1) return `the ${one} ${named[0]}`;
  const shown = named.slice(0, MAX_LISTED).join('; ');
  const more = named.length > MAX_LISTED ? `; and ${named.length - MAX_LISTED} more` : '';
  return `${named.length} ${many}: ${shown}${more}`;
}
