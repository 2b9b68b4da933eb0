import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBinaryFrame, parseTextFrame } from './frames.js';

const frame = (type: string, data: unknown) => parseTextFrame(JSON.stringify({ type, data }));

describe('text frames', () => {
  it('reads the frames of a run', () => {
    expect(frame('status', { status: { exec_info: { queue_remaining: 2 } }, sid: 'c1' })).toEqual({
      type: 'status',
      queueRemaining: 2,
      sid: 'c1',
    });
    expect(frame('executing', { node: '3.0.0.1', display_node: '3', prompt_id: 'p' })).toEqual({
      type: 'executing',
      promptId: 'p',
      nodeId: '3.0.0.1',
      displayNodeId: '3',
    });
    for (const output of [{ output: null }, {}])
      expect(frame('executed', { node: '9', prompt_id: 'p', ...output })).toMatchObject({
        displayNodeId: '9',
        output: null,
      });
    expect(frame('progress', { value: 0.5, max: 1.5, prompt_id: 'p', node: '3' })).toMatchObject({ value: 0.5 });
  });

  it('takes the end of a run, and the frame without prompt id that follows a connect', () => {
    expect(frame('executing', { node: null, prompt_id: 'p' })).toMatchObject({ promptId: 'p', nodeId: null });
    expect(frame('executing', { node: '4' })).toMatchObject({ promptId: null, displayNodeId: '4' });
  });

  it('reads numeric ids and Python tokens', () => {
    expect(frame('execution_start', { prompt_id: 42 })).toEqual({ type: 'execution_start', promptId: '42' });
    expect(
      parseTextFrame('{"type":"executed","data":{"node":"1","prompt_id":"p","output":{"x":[NaN, -Infinity]}}}'),
    ).toMatchObject({ output: { x: [null, null] } });
  });

  it('ignores what it does not know, and what makes no sense', () => {
    expect(frame('crystools.monitor', { cpu: 5 })).toBeNull();
    expect(frame('toString', {})).toBeNull();
    expect(frame('progress', { value: 'x' })).toBeNull();
    expect(frame('execution_start', null)).toBeNull();
    for (const text of ['', 'x', '[]', 'null', '{"type":5}']) expect(parseTextFrame(text)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('status', 'executing', 'progress_state', 'execution_error'),
        fc.jsonValue(),
        (type, data) => {
          frame(type, data);
        },
      ),
    );
  });
});

describe('binary frames', () => {
  const uint32 = (...values: number[]) => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
    return bytes;
  };
  const image = Buffer.from([1, 2, 3]);

  it('reads previews without and with metadata, and text', () => {
    expect(parseBinaryFrame(Buffer.concat([uint32(1, 2), image]))).toEqual({
      type: 'preview',
      promptId: null,
      nodeId: null,
      contentType: 'image/png',
      bytes: image,
    });
    const head = Buffer.from('{"prompt_id":"p","node_id":"3.0.0.1","display_node_id":"3","image_type":"image/jpeg"}');
    expect(parseBinaryFrame(Buffer.concat([uint32(4, head.length), head, image]))).toEqual({
      type: 'preview',
      promptId: 'p',
      nodeId: '3',
      contentType: 'image/jpeg',
      bytes: image,
    });
    expect(parseBinaryFrame(Buffer.concat([uint32(3, 2), Buffer.from('12hello')]))).toEqual({
      type: 'text',
      nodeId: '12',
      text: 'hello',
    });
  });

  it('ignores unknown events, unknown formats and lengths that lie', () => {
    for (const bytes of [uint32(2, 0), uint32(99, 0), uint32(1, 7), uint32(4, 1_000_000), uint32(3, 2 ** 32 - 1)])
      expect(parseBinaryFrame(Buffer.concat([bytes, image]))).toBeNull();
    expect(parseBinaryFrame(Buffer.concat([uint32(4, 2), Buffer.from('no'), image]))).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        parseBinaryFrame(Buffer.from(bytes));
      }),
    );
  });
});
