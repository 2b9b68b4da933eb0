import type { Graph } from '../../../src/graph/types.js';

/** Graphs over the node classes of nodes.ts. */
export const graphs = {
  /** Ends by itself with one file. */
  quick: (seed: number | bigint, size = 64): Graph => ({
    '1': { class_type: 'SuiteData', inputs: { seed, size } },
    '9': { class_type: 'SuiteSave', inputs: { data: ['1', 0], note: 'final' }, _meta: { title: 'Final' } },
  }),

  /** Waits at the gate, then ends like `quick`. */
  held: (gate: string, seed = 1, nodeClass: 'SuiteGate' | 'SuiteStubborn' = 'SuiteGate'): Graph => ({
    '1': { class_type: 'SuiteData', inputs: { seed, size: 64 } },
    '5': { class_type: nodeClass, inputs: { data: ['1', 0], gate } },
    '9': { class_type: 'SuiteSave', inputs: { data: ['5', 0], note: 'final' } },
  }),

  /** Writes a preview and a file. */
  withPreview: (seed: number): Graph => ({
    ...graphs.quick(seed),
    '8': { class_type: 'SuitePreview', inputs: { data: ['1', 0], note: 'preview' } },
  }),

  onlyPreview: (seed: number): Graph => ({
    '1': { class_type: 'SuiteData', inputs: { seed, size: 64 } },
    '8': { class_type: 'SuitePreview', inputs: { data: ['1', 0], note: 'preview' } },
  }),

  failing: (exception: string): Graph => ({
    '1': { class_type: 'SuiteData', inputs: { seed: 1, size: 64 } },
    '5': { class_type: 'SuiteFail', inputs: { data: ['1', 0], exception }, _meta: { title: 'Breaks' } },
    '9': { class_type: 'SuiteSave', inputs: { data: ['5', 0], note: 'final' } },
  }),

  loading: (file: string): Graph => ({
    '1': { class_type: 'SuiteLoad', inputs: { file } },
    '9': { class_type: 'SuiteSave', inputs: { data: ['1', 0], note: 'final' } },
  }),

  unknownClass: (): Graph => ({ ...graphs.quick(1), '7': { class_type: 'NoSuchClass', inputs: {} } }),

  valueTooSmall: (): Graph => graphs.quick(1, 0),

  /** One output is valid, the other is not: a server queues the valid part and says so in passing. */
  halfValid: (gate: string): Graph => ({
    ...graphs.held(gate),
    '10': { class_type: 'SuiteSave', inputs: { note: 'has no data' } },
  }),
};
