import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeClass, NodeContext } from '../../../src/embedded/index.js';
import { NodeException } from '../../../src/embedded/index.js';
import type { InputSpec } from '../../../src/graph/types.js';
import { Latch } from '../../../src/testing/index.js';

/**
 * Node classes for the backend suite: small, exact, and held by the test where a real node would take its time.
 *
 *   SuiteData   bytes from a seed          SuiteGate      waits for the test, listens to interrupts
 *   SuiteLoad   bytes of an input file     SuiteStubborn  waits for the test, deaf to interrupts
 *   SuiteSave   writes an output file      SuiteFail      raises what it is told
 *   SuitePreview  writes a temp file
 */
export class SuiteNodes {
  readonly #gates = new Map<string, Latch>();
  #files = 0;

  /** The gate of that name; a node that reaches it waits until the test opens it. */
  gate(name: string): Latch {
    const gate = this.#gates.get(name) ?? new Latch();
    this.#gates.set(name, gate);
    return gate;
  }

  openAllGates(): void {
    for (const gate of this.#gates.values()) gate.open();
  }

  get classes(): NodeClass[] {
    const seed: InputSpec = ['INT', { default: 0, min: 0, max: 18446744073709551615n }];
    return [
      node('SuiteData', { seed, size: ['INT', { default: 16, min: 1, max: 50_000_000 }] }, ['DATA'], (inputs) => ({
        outputs: [dataOf(inputs['seed'], Number(inputs['size']))],
      })),
      node('SuiteLoad', { file: ['STRING', {}] }, ['DATA'], async (inputs, context) => ({
        outputs: [await readFile(join(context.folders.input, String(inputs['file'])))],
      })),
      node('SuiteGate', { data: ['DATA'], gate: ['STRING', {}] }, ['DATA'], async (inputs, context) => {
        context.progress(1, 4, { format: 'png', bytes: Buffer.from('first preview') });
        context.progress(2, 4);
        await this.gate(String(inputs['gate'])).pass(context.signal);
        context.progress(4, 4, { format: 'jpeg', bytes: Buffer.from('last preview') });
        return { outputs: [inputs['data']] };
      }),
      node('SuiteStubborn', { data: ['DATA'], gate: ['STRING', {}] }, ['DATA'], async (inputs) => {
        await this.gate(String(inputs['gate'])).pass();
        return { outputs: [inputs['data']] };
      }),
      node('SuiteFail', { data: ['DATA'], exception: ['STRING', {}] }, ['DATA'], (inputs) => {
        throw new NodeException(String(inputs['exception']), 'as the test asked\nand more');
      }),
      saver('SuiteSave', 'output', (context, bytes) => this.#write(context, 'output', bytes)),
      saver('SuitePreview', 'temp', (context, bytes) => this.#write(context, 'temp', bytes)),
    ];
  }

  async #write(context: NodeContext, type: 'output' | 'temp', bytes: Buffer) {
    this.#files += 1;
    const filename = `suite_${String(this.#files).padStart(5, '0')}_.png`;
    await writeFile(join(context.folders[type], filename), bytes);
    return { filename, subfolder: '', type };
  }
}

/** What SuiteData makes: the seed in decimal digits, then bytes that depend on it. */
export function dataOf(seed: unknown, size: number): Buffer {
  const text = Buffer.from(`${String(seed)} `);
  const block = createHash('sha512').update(text).digest();
  const bytes = Buffer.alloc(Math.max(size, text.length), block);
  text.copy(bytes);
  return bytes;
}

type Execute = NodeClass['execute'];

function node(name: string, required: Record<string, InputSpec>, output: string[], execute: Execute): NodeClass {
  return { definition: definition(name, required, output, false), execute };
}

function saver(
  name: string,
  type: 'output' | 'temp',
  write: (context: NodeContext, bytes: Buffer) => Promise<{ filename: string; subfolder: string; type: string }>,
): NodeClass {
  return {
    definition: definition(name, { data: ['DATA'], note: ['STRING', { default: type }] }, [], true),
    // Each run writes a file of its own, as when the seed changes; the cache is not what this suite is about.
    isChanged: () => Number.NaN,
    async execute(inputs, context) {
      const bytes = inputs['data'] as Buffer;
      const head = bytes.toString('latin1', 0, Math.max(0, bytes.indexOf(' ')));
      return { outputs: [], ui: { images: [await write(context, bytes)], text: [head] } };
    },
  };
}

function definition(name: string, required: Record<string, InputSpec>, output: string[], outputNode: boolean) {
  return {
    name,
    display_name: name,
    description: '',
    category: 'suite',
    python_module: 'nodes',
    input: { required },
    input_order: { required: Object.keys(required) },
    output,
    output_is_list: output.map(() => false),
    output_name: output,
    output_node: outputNode,
  };
}
