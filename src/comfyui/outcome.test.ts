import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpretHistory } from './outcome.js';
import { historyEntrySchema } from './schemas.js';

const file = (filename: string, type = 'output', more: object = {}) => ({ filename, subfolder: '', type, ...more });
const start = ['execution_start', { prompt_id: 'p', timestamp: 1_000 }];
const success = ['execution_success', { prompt_id: 'p', timestamp: 1_250 }];

function entry(parts: { graph?: object; outputs?: object; messages?: unknown[]; status?: unknown; meta?: object }) {
  const messages = parts.messages ?? [start, success];
  return historyEntrySchema.parse({
    prompt: [0, 'p', parts.graph ?? { '9': { class_type: 'SaveImage', inputs: {} } }, {}, []],
    outputs: parts.outputs ?? {},
    status: parts.status === undefined ? { status_str: 'success', completed: true, messages } : parts.status,
    meta: parts.meta,
  });
}

describe('how a run ended', () => {
  it('succeeds, with its time and its cached nodes', () => {
    const cached = ['execution_cached', { nodes: ['4', 7], timestamp: 1_001 }];
    expect(interpretHistory(entry({ messages: [start, cached, success] }))).toEqual({
      outcome: 'succeeded',
      outputs: [],
      runMs: 250,
      cachedNodeIds: ['4', '7'],
    });
  });

  it('fails by its messages even where the status says success (a cycle that shows only at run time)', () => {
    const error = {
      node_id: '2',
      node_type: 'Loop',
      exception_type: 'graph.DependencyCycleError',
      exception_message: 'cycle',
    };
    const result = interpretHistory(entry({ messages: [start, ['execution_error', error]] }));
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'node_failed', details: { nodeId: '2' } } });
  });

  it('takes a blocked node for a warning', () => {
    const blocked = [
      'execution_error',
      { exception_type: 'ExecutionBlocked', exception_message: 'Execution Blocked: no' },
    ];
    expect(interpretHistory(entry({ messages: [start, blocked, success] })).outcome).toBe('succeeded');
  });

  it('tells an interrupt from a failure', () => {
    const status = {
      status_str: 'error',
      completed: false,
      messages: [start, ['execution_interrupted', { node_id: '3', node_type: 'KSampler', timestamp: 1_100 }]],
    };
    expect(interpretHistory(entry({ status }))).toMatchObject({
      outcome: 'interrupted',
      runMs: 100,
      error: { code: 'backend_interrupted', retryable: true },
    });
  });

  it.each([
    ['torch.OutOfMemoryError', 'Allocation on device'],
    ['torch.cuda.OutOfMemoryError', 'x'],
    ['MemoryError', ''],
    ['RuntimeError', 'CUDA error: out of memory'],
    ['RuntimeError', 'MPS backend out of memory (MPS allocated: 5 GB)'],
    ['RuntimeError', '[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 5 bytes'],
  ])('sees that memory ran out: %s', (type, message) => {
    const error = { node_id: '3', node_type: 'KSampler', exception_type: type, exception_message: message };
    const result = interpretHistory(entry({ messages: [start, ['execution_error', error]] }));
    expect(result.error).toMatchObject({ code: 'out_of_memory', retryable: true });
  });

  it('names the node by title, and keeps the traceback short', () => {
    const graph = { '3': { class_type: 'KSampler', inputs: {}, _meta: { title: 'Second pass' } } };
    const error = {
      node_id: '3',
      node_type: 'KSampler',
      exception_type: 'ValueError',
      exception_message: 'first line\nsecond line\n',
      traceback: Array.from({ length: 100 }, (_, index) => `line ${index}`),
      current_inputs: { api_key: ['secret'] },
    };
    const result = interpretHistory(entry({ graph, messages: [start, ['execution_error', error]] }));
    expect(result.error?.message).toBe('Node 3 (KSampler "Second pass") raised ValueError: first line');
    expect(result.error?.details?.['traceback']).toHaveLength(20);
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  it('copes with servers that keep no status', () => {
    expect(interpretHistory(entry({ status: null, outputs: { '9': { images: [file('a.png')] } } })).outcome).toBe(
      'succeeded',
    );
    expect(interpretHistory(entry({ status: null })).outcome).toBe('failed');
  });

  it('believes `completed: false` without messages', () => {
    const status = { status_str: 'error', completed: false, messages: [] };
    expect(interpretHistory(entry({ status })).outcome).toBe('failed');
  });

  it('reads any JSON as some outcome', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (outputs, status, prompt) => {
        const parsed = historyEntrySchema.safeParse({ outputs, status, prompt });
        if (parsed.success) interpretHistory(parsed.data, { temp: 'keep' });
      }),
    );
  });
});

describe('outputs', () => {
  const read = (outputs: object, more: { graph?: object; meta?: object } = {}, temp?: 'keep' | 'drop' | 'when-alone') =>
    interpretHistory(entry({ outputs, ...more }), temp === undefined ? {} : { temp }).outputs;

  it('takes every object with a file name under any key, and text', () => {
    const outputs = read({
      '9': {
        images: [file('a.png'), file('b.webp')],
        animated: [true],
        text: ['one', 'two'],
        result: ['3d/x.glb', null, { yaw: 1 }],
        something_else: [file('c.glb', 'output', { id: 'x' })],
      },
      '10': { text: 'alone', files: null, odd: { filename: 'd.bin' } },
    });
    expect(
      outputs.map((output) => (output.kind === 'text' ? output.text : `${output.kind} ${output.filename}`)),
    ).toEqual(['image a.png', 'image b.webp', 'one', 'two', 'model3d c.glb', 'alone', 'file d.bin']);
  });

  it.each([
    ['images', 'x.mp4', {}, 'video'],
    ['gifs', 'x.mp4', { format: 'video/h264-mp4' }, 'video'],
    ['gifs', 'x.gif', {}, 'image'],
    ['audio', 'x.flac', {}, 'audio'],
    ['3d', 'x.GLB', {}, 'model3d'],
    ['latents', 'x.latent', {}, 'latent'],
    ['files', 'x.txt', {}, 'file'],
    ['audio', 'x', {}, 'audio'],
    ['whatever', 'x.unknown', { format: 'video/x' }, 'video'],
    ['constructor', 'x.constructor', {}, 'file'],
  ])('%s %s is %s%s', (key, filename, more, kind) => {
    expect(read({ '9': { [key]: [file(filename, 'output', more)] } })[0]?.kind).toBe(kind);
  });

  it('keeps previews only when nothing else was written', () => {
    const both = { '9': { images: [file('a.png')] }, '10': { images: [file('p.png', 'temp')] } };
    const names = (list: readonly object[]) => list.map((output) => (output as { filename: string }).filename);
    expect(names(read(both))).toEqual(['a.png']);
    expect(names(read(both, {}, 'keep'))).toEqual(['a.png', 'p.png']);
    expect(names(read(both, {}, 'drop'))).toEqual(['a.png']);
    const alone = { '10': { images: [file('p.png', 'temp')] } };
    expect(read(alone)[0]).toMatchObject({ filename: 'p.png', type: 'temp' });
    expect(read(alone, {}, 'drop')).toEqual([]);
  });

  it('follows the order of the graph, and gives nodes of an expansion to the node that was submitted', () => {
    const node = { class_type: 'X', inputs: {} };
    const graph = { first: node, '12:5': node, last: node };
    const outputs = {
      last: { images: [file('4.png')] },
      '12:5.0.0.1': { images: [file('2.png')] },
      'first.0.0.3': { images: [file('1.png')] },
      '12:5': { images: [file('3.png')] },
      stranger: { images: [file('5.png')] },
    };
    const meta = { '12:5.0.0.1': { display_node: '12:5', node_id: 'x', parent_node: null, real_node_id: 'x' } };
    const found = read(outputs, { graph, meta });
    expect(found.map((output) => output.nodeId)).toEqual(['first', '12:5', '12:5', 'last', 'stranger']);
    expect(found.map((output) => (output as { filename: string }).filename)[0]).toBe('1.png');
  });
});
