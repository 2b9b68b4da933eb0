import { describe, expect, it } from 'vitest';
import type { ComfyUiFrame } from '../comfyui/index.js';
import { AttemptBook } from './comfyui-attempts.js';
import { ComfyUiEvents } from './comfyui-events.js';
import type { BackendEvent } from './spec.js';

function setUp() {
  const attempts = new AttemptBook();
  const told: BackendEvent[] = [];
  const events = new ComfyUiEvents(attempts, (event) => told.push(event));
  const frame = (...frames: ComfyUiFrame[]) => {
    for (const one of frames) events.handle({ type: 'frame', frame: one });
  };
  const connect = (clientId: string, first = true) => events.handle({ type: 'connected', first, clientId });
  connect('c1');
  attempts.add('ours', 'c1');
  told.length = 0;
  return { attempts, told, events, frame, connect };
}

const preview = (promptId: string | null): ComfyUiFrame => ({
  type: 'preview',
  promptId,
  nodeId: null,
  contentType: 'image/png',
  bytes: Buffer.from('x'),
});
const executing = (promptId: string | null, nodeId: string | null, displayNodeId = nodeId): ComfyUiFrame => ({
  type: 'executing',
  promptId,
  nodeId,
  displayNodeId,
});

describe('events of a ComfyUI backend', () => {
  it("drops everything of somebody else's prompt", () => {
    const { told, frame } = setUp();
    frame(
      { type: 'execution_start', promptId: 'theirs' },
      { type: 'progress', promptId: 'theirs', nodeId: '3', value: 1, max: 2 },
      preview('theirs'),
      preview(null),
      { type: 'execution_interrupted', promptId: 'theirs', nodeId: '3' },
      executing('theirs', null),
      executing(null, '3'),
    );
    expect(told).toEqual([]);
  });

  it('gives a preview without prompt id to our running prompt and its current node, and only while it runs', () => {
    const { told, frame } = setUp();
    frame({ type: 'execution_start', promptId: 'ours' }, executing('ours', '5'), preview(null));
    expect(told.at(-1)).toMatchObject({ type: 'preview', attemptId: 'ours', nodeId: '5' });
    frame(executing('ours', null));
    told.length = 0;
    frame(preview(null));
    expect(told).toEqual([]);
  });

  it('forgets what ran when the connection is lost: the frames since then are unknown', () => {
    const { told, frame, events, connect } = setUp();
    frame({ type: 'execution_start', promptId: 'ours' });
    events.handle({ type: 'disconnected', reason: 'gone' });
    connect('c2', false);
    told.length = 0;
    frame(preview(null));
    expect(told).toEqual([]);
  });

  it('asks to look again when prompts were sent before the first connection', () => {
    const attempts = new AttemptBook();
    const told: BackendEvent[] = [];
    const events = new ComfyUiEvents(attempts, (event) => told.push(event));
    attempts.add('early', 'c1');
    events.handle({ type: 'connected', first: true, clientId: 'c1' });
    expect(told).toEqual([{ type: 'connected', first: false }]);
  });

  it('shows nodes of an expansion as the node that was submitted', () => {
    const { told, frame } = setUp();
    frame(
      executing('ours', '3.0.0.1', '3'),
      { type: 'progress', promptId: 'ours', nodeId: '3.0.0.1', value: 1, max: 2 },
      {
        type: 'progress_state',
        promptId: 'ours',
        nodes: [
          { nodeId: '3.0.0.2', displayNodeId: '3', state: 'finished' },
          { nodeId: '4', displayNodeId: '4', state: 'finished' },
        ],
      },
      { type: 'progress', promptId: 'ours', nodeId: '3.0.0.2', value: 2, max: 2 },
      { type: 'executed', promptId: 'ours', nodeId: '3', displayNodeId: '3', output: null },
    );
    expect(told.map((event) => `${event.type} ${'nodeId' in event ? event.nodeId : ''}`)).toEqual([
      'node 3',
      'progress 3',
      'node-done 4',
      'progress 3',
      'node-done 3',
    ]);
  });

  it('reports the end of a node once, though several frames tell it', () => {
    const { told, frame } = setUp();
    const state: ComfyUiFrame = {
      type: 'progress_state',
      promptId: 'ours',
      nodes: [{ nodeId: '1', displayNodeId: '1', state: 'finished' }],
    };
    frame(state, state, { type: 'executed', promptId: 'ours', nodeId: '1', displayNodeId: '1', output: {} }, state);
    expect(told).toEqual([{ type: 'node-done', attemptId: 'ours', nodeId: '1' }]);
  });

  it('takes a blocked node for a warning, and other errors for nothing until the history is there', () => {
    const { told, frame } = setUp();
    const error = { type: 'execution_error', promptId: 'ours', nodeId: '3', nodeType: 'X' } as const;
    frame(
      { ...error, exceptionType: 'ExecutionBlocked', exceptionMessage: 'Execution Blocked: no' },
      { ...error, exceptionType: 'ValueError', exceptionMessage: 'x' },
      { type: 'execution_success', promptId: 'ours' },
      executing('ours', null),
    );
    expect(told).toEqual([
      { type: 'warning', attemptId: 'ours', nodeId: '3', message: 'Execution Blocked: no' },
      { type: 'ended', attemptId: 'ours' },
    ]);
  });

  it('hints at the end of prompts that are not heard on this connection whenever the queue changes', () => {
    const { told, frame, attempts, connect } = setUp();
    const old = attempts.get('ours');
    if (old !== undefined) old.confirmed = true;
    connect('c2', false);
    attempts.add('new', 'c2').confirmed = true;
    attempts.add('never-accepted', 'c1');
    told.length = 0;
    frame({ type: 'status', queueRemaining: 1, sid: null });
    expect(told).toEqual([
      { type: 'queue', remaining: 1 },
      { type: 'ended', attemptId: 'ours' },
    ]);
    if (old !== undefined) old.ended = true;
    told.length = 0;
    frame({ type: 'status', queueRemaining: 0, sid: null });
    expect(told).toEqual([{ type: 'queue', remaining: 0 }]);
  });

  it('forgets the oldest attempts above a bound', () => {
    const { attempts } = setUp();
    for (let index = 0; index < 10_000; index += 1) attempts.add(`a${index}`, 'c1');
    expect(attempts.get('ours')).toBeUndefined();
    expect(attempts.get('a9999')).toBeDefined();
  });
});
