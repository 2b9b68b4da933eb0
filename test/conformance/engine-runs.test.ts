import { afterEach, describe, expect, it } from 'vitest';
import { Blocker, type ImageBatch, type NodeClass } from '../../src/embedded/index.js';
import { type Bench, openBench, show, tinyNode, waiting } from './engine-bench.js';

/** Execution semantics (comfyui.md 3) that no recording shows. */
let bench: Bench;
afterEach(() => bench.close());

async function run(prompt: object, more: object = {}) {
  const client = await bench.connect(`c${Math.random()}`);
  const clientId = new URL(client.socket.webSocket.url).searchParams.get('clientId');
  const id = await bench.submit(prompt, { client_id: clientId, ...more });
  await client.ended(id);
  return { client, entry: (await bench.get(`/history/${id}`)).json[id] };
}

describe('lists', () => {
  const pair = tinyNode('Pair', ({ a, b }) => `${a}${b}`, { inputs: { a: ['*'], b: ['*'] } });
  const list = (values: unknown[]): NodeClass => ({
    ...tinyNode(`List${values.length}`, () => values, { inputs: {} }),
    definition: { name: `List${values.length}`, input: {}, output: ['*'], output_is_list: [true] },
  });

  it('calls a node once per element, the shorter list repeats its last, and joins the UI data', async () => {
    bench = await openBench({ nodes: [pair, list([1, 2, 3]), list(['a', 'b'])] });
    const { entry } = await run({
      '1': { class_type: 'List3', inputs: {} },
      '2': { class_type: 'List2', inputs: {} },
      '3': { class_type: 'Pair', inputs: { a: ['1', 0], b: ['2', 0] } },
      '4': { class_type: 'Show', inputs: { v: ['3', 0] } },
    });
    expect(entry.outputs['4'].text).toEqual(['1a', '2b', '3b']);
  });

  it('hands whole lists to a node that asks for them', async () => {
    const count = tinyNode('Count', ({ a }) => (a as unknown[]).length, { inputs: { a: ['*'] }, inputIsList: true });
    bench = await openBench({ nodes: [count, list([1, 2, 3])] });
    const { entry } = await run({
      '1': { class_type: 'List3', inputs: {} },
      '2': { class_type: 'Count', inputs: { a: ['1', 0] } },
      '3': { class_type: 'Show', inputs: { v: ['2', 0] } },
    });
    expect(entry.outputs['3'].text).toEqual(['3']);
  });

  it('blocks only the elements that are blocked', async () => {
    const odd = tinyNode('Odd', ({ v }) => (Number(v) % 2 === 1 ? v : new Blocker(null)));
    bench = await openBench({ nodes: [odd, list([1, 2, 3])] });
    const { entry } = await run({
      '1': { class_type: 'List3', inputs: {} },
      '2': { class_type: 'Odd', inputs: { v: ['1', 0] } },
      '3': { class_type: 'Show', inputs: { v: ['2', 0] } },
    });
    expect(entry.outputs['3'].text).toEqual(['1', '3']);
  });
});

describe('the cache', () => {
  const counted = (more: Partial<NodeClass> = {}) => {
    const calls: unknown[] = [];
    const node = tinyNode(
      'Counted',
      ({ v }) => {
        calls.push(v);
        return v;
      },
      more,
    );
    return { calls, node };
  };
  const graph = (v: unknown, id = '1') => ({
    [id]: { class_type: 'Counted', inputs: { v } },
    '9': { class_type: 'Show', inputs: { v: [id, 0] } },
  });

  it('keeps the previous prompt only, whatever the ids', async () => {
    const { calls, node } = counted();
    bench = await openBench({ nodes: [node] });
    await run(graph(1));
    await run(graph(1, '5'));
    await run(graph(2));
    await run(graph(1));
    expect(calls).toEqual([1, 2, 1]);
  });

  it('counts the id for nodes that ask for it', async () => {
    const { calls, node } = counted({ cacheByNodeId: true });
    bench = await openBench({ nodes: [node] });
    await run(graph(1));
    await run(graph(1));
    await run(graph(1, '5'));
    expect(calls).toEqual([1, 1]);
  });

  it('never keeps NaN: neither a change token nor a value', async () => {
    const { calls, node } = counted({ isChanged: () => Number.NaN });
    bench = await openBench({ nodes: [node] });
    const { entry } = await run(graph(1));
    await run(graph(1));
    expect(calls).toEqual([1, 1]);
    // The token reaches the executed graph, not the history.
    expect(entry.prompt[2]['1']).not.toHaveProperty('is_changed');
  });

  it('runs a node whose change token cannot be told, and freezes a token that was sent along', async () => {
    const failing = counted({ isChanged: () => Promise.reject(new Error('gone')) });
    bench = await openBench({ nodes: [failing.node] });
    await run(graph(1));
    await run(graph(1));
    expect(failing.calls).toEqual([1, 1]);
    const frozen = { ...graph(1), '1': { class_type: 'Counted', inputs: { v: 1 }, is_changed: ['x'] } };
    await run(frozen);
    await run(frozen);
    expect(failing.calls).toEqual([1, 1, 1]);
  });

  it('shares one result between equal output nodes', async () => {
    bench = await openBench();
    const { entry } = await run({ a: show(1)['1'], b: show(1)['1'] });
    expect(entry.outputs).toEqual({ a: { text: ['1'] }, b: { text: ['1'] } });
    expect(new Set([entry.meta.a.node_id, entry.meta.b.node_id]).size).toBe(1);
  });
});

describe('interrupts', () => {
  it('stop what runs, leave what waits, and do nothing while idle', async () => {
    bench = await openBench();
    const client = await bench.connect();
    await bench.post('/interrupt', {});
    const first = await bench.submit(waiting(1), { client_id: 'me' });
    const second = await bench.submit(show(2), { client_id: 'me' });
    await bench.gate.reached();
    await bench.post('/interrupt', { prompt_id: second });
    await bench.post('/interrupt', { prompt_id: first });
    bench.gate.open();
    await client.ended(second);
    const history = (await bench.get('/history')).json;
    expect(history[first].status).toMatchObject({ status_str: 'error', completed: false });
    expect(history[first].status.messages.at(-1)[0]).toBe('execution_interrupted');
    expect(history[second].status.completed).toBe(true);
  });

  it('let an opaque node finish first', async () => {
    let finish = () => {};
    const opaque = tinyNode('Opaque', () => new Promise<string>((resolve) => (finish = () => resolve('done'))));
    bench = await openBench({ nodes: [opaque] });
    const client = await bench.connect();
    const graph = {
      '1': { class_type: 'Opaque', inputs: { v: 1 } },
      '2': { class_type: 'Show', inputs: { v: ['1', 0] } },
    };
    const id = await bench.submit(graph, { client_id: 'me' });
    await client.until((type) => type === 'executing');
    await bench.post('/interrupt', {});
    finish();
    const interrupted = await client.until((type) => type === 'execution_interrupted');
    expect(interrupted).toMatchObject({ node_id: '2', executed: ['1'] });
    await client.ended(id);
  });
});

describe('failures', () => {
  it('name the node of the prompt when an ephemeral one fails', async () => {
    const expanding: NodeClass = {
      ...tinyNode('Expanding', () => null),
      execute: ({ v }) => ({
        outputs: [['inner', 0]],
        expand: { inner: { class_type: 'TestSyncError', inputs: { value: v as never } } },
      }),
    };
    bench = await openBench({ nodes: [expanding] });
    const { client } = await run({
      '3': { class_type: 'Expanding', inputs: { v: 1 } },
      '4': { class_type: 'Show', inputs: { v: ['3', 0] } },
    });
    expect(await client.until((type) => type === 'execution_error')).toMatchObject({
      node_id: '3',
      node_type: 'Expanding',
      exception_type: 'RuntimeError',
    });
    expect(await client.until((type, data) => type === 'executing' && data.node !== '3')).toMatchObject({
      node: '3.0.0.inner',
      display_node: '3',
    });
  });

  it('keep outputs that were finished before, and never name a path of this machine', async () => {
    const broken = tinyNode('Broken', () => (undefined as unknown as string).length);
    bench = await openBench({ nodes: [broken] });
    const { entry } = await run({
      '1': show('first')['1'],
      '2': { class_type: 'Broken', inputs: { v: 1 } },
      '3': { class_type: 'Show', inputs: { v: ['2', 0] } },
    });
    expect(entry.outputs['1']).toEqual({ text: ['first'] });
    const [, error] = entry.status.messages.at(-1);
    expect(error.exception_type).toBe('TypeError');
    expect(JSON.stringify(error.traceback)).not.toContain(process.cwd());
  });

  it('of the last node leave the executor alive', async () => {
    bench = await openBench();
    const failing = {
      '1': { class_type: 'TestSyncError', inputs: { value: 1 } },
      '2': { class_type: 'Show', inputs: { v: ['1', 0] } },
    };
    for (let index = 0; index < 3; index++) expect((await run(failing)).entry.status.status_str).toBe('error');
    expect((await run(show(1))).entry.status.status_str).toBe('success');
  });
});

describe('previews and texts', () => {
  const picture = { format: 'jpeg', bytes: Buffer.from('jpeg') } as const;
  const previewing = tinyNode('Previewing', ({ v }, context) => {
    context.progress(1, 2, picture);
    context.sendText('half way');
    return v;
  });
  const graph = {
    '1': { class_type: 'Previewing', inputs: { v: 1 } },
    '2': { class_type: 'Show', inputs: { v: ['1', 0] } },
  };

  it('go to the client as event 1 after the progress, or as event 4 before it', async () => {
    bench = await openBench({ nodes: [previewing] });
    const plain = await bench.connect('plain');
    const knowing = await bench.connect('knowing');
    knowing.socket.webSocket.send('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}');
    await knowing.until((type) => type === 'feature_flags');
    const kinds = async (client: typeof plain, clientId: string, v: number) => {
      await client.ended(
        await bench.submit({ ...graph, '1': { class_type: 'Previewing', inputs: { v } } }, { client_id: clientId }),
      );
      return client.frames.map((frame) =>
        frame.kind === 'binary' ? `binary ${Number.parseInt(frame.hex.slice(0, 8), 16)}` : frame.message.type,
      );
    };
    const [seenPlain, seenKnowing] = [await kinds(plain, 'plain', 1), await kinds(knowing, 'knowing', 2)];
    expect(seenPlain.slice(seenPlain.indexOf('progress'))).toEqual(expect.arrayContaining(['binary 1', 'binary 3']));
    expect(seenPlain[seenPlain.indexOf('progress') + 1]).toBe('binary 1');
    expect(seenKnowing[seenKnowing.lastIndexOf('progress') - 1]).toBe('binary 4');
    expect(seenKnowing).not.toContain('binary 1');
  });
});

describe('dynamic inputs of newer nodes', () => {
  it('are declared, checked, converted and passed on', async () => {
    const resize: NodeClass = {
      definition: {
        name: 'Resize',
        input: {
          required: {
            mode: [
              'COMFY_DYNAMICCOMBO_V3',
              {
                options: [
                  { key: 'by size', inputs: { required: { width: ['INT', { min: 1 }] } } },
                  { key: 'none', inputs: {} },
                ],
              },
            ],
            images: [
              'COMFY_AUTOGROW_V3',
              { template: { input: { required: { image: ['*', {}] } }, prefix: 'image', min: 1, max: 4 } },
            ],
          },
        },
        output: ['*'],
        output_node: true,
      },
      execute: (inputs) => ({ outputs: [], ui: { text: [JSON.stringify(inputs)] } }),
    };
    bench = await openBench({ nodes: [resize], version: '0.8.0' });
    const inputs = {
      mode: 'by size',
      'mode.width': '7',
      'images.image0': 'a',
      'images.image2': 'b',
      'images.other': 'c',
    };
    const { entry } = await run({ '1': { class_type: 'Resize', inputs } });
    expect(JSON.parse(entry.outputs['1'].text[0])).toEqual({ ...inputs, 'mode.width': 7, 'images.other': undefined });
    const wrong = { mode: 'by size', 'mode.width': 0 };
    const { json } = await bench.post('/prompt', { prompt: { '1': { class_type: 'Resize', inputs: wrong } } });
    expect(
      json.node_errors['1'].errors.map(({ type, details }: { type: string; details: string }) => [type, details]),
    ).toEqual([
      ['value_smaller_than_min', 'mode.width'],
      ['required_input_missing', 'images.image0'],
    ]);
  });
});

describe('values in errors', () => {
  it('describe pictures instead of printing them', async () => {
    const batch: ImageBatch = { type: 'IMAGE', width: 2, height: 1, channels: 3, frames: [Buffer.alloc(6)] };
    const make = tinyNode('Make', () => batch, { inputs: {} });
    bench = await openBench({ nodes: [make] });
    const { client } = await run({
      '1': { class_type: 'Make', inputs: {} },
      '2': { class_type: 'TestSyncError', inputs: { value: ['1', 0] } },
      '3': { class_type: 'Show', inputs: { v: ['2', 0] } },
    });
    const error = await client.until((type) => type === 'execution_error');
    expect(error.current_inputs).toEqual({ value: ['<IMAGE 1x1x2>'] });
    expect(error.current_outputs.sort()).toEqual(['1', '2', '3']);
  });
});
