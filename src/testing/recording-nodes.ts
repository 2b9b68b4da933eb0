import { type Clock, systemClock } from '../core/clock.js';
import type { JsonValue } from '../core/json.js';
import { Blocker, type ImageBatch, type MaskBatch, type NodeClass, NodeException } from '../embedded/node.js';
import type { Graph, InputSpec, NodeDefinition } from '../graph/types.js';

/**
 * Test nodes that the recorded sessions with real servers use: sleeping, failing, blocking, lazy, expanding and
 * list-making ones. Their interface is that of the recorded servers; their behaviour is what the recordings show.
 */
export interface RecordingNodesOptions {
  readonly clock?: Clock;
  /** Sleeping nodes run so many times faster than they say. Their progress still counts in their own seconds. */
  readonly speed?: number;
  /** How often a sleeping node reports. */
  readonly progressEveryMs?: number;
}

export function recordingNodes(options: RecordingNodesOptions = {}): NodeClass[] {
  const { clock = systemClock, speed = 1, progressEveryMs = 10 } = options;
  return [
    stubNumber('StubInt', 'INT', { default: 0, min: -4294967295, max: 4294967295, step: 1 }),
    stubNumber('StubFloat', 'FLOAT', { default: 0, min: -1e38, max: 1e38, step: 0.01 }),
    stubImage(),
    stubMask(),
    testSleep(clock, speed, progressEveryMs),
    testParallelSleep(),
    testVariadicAverage(),
    testSyncError(),
    testAsyncError(speed),
    testExecutionBlocker(),
    testLazyMixImages(),
    testMakeList(),
    testMixedExpansionReturns(),
    testDynamicDependencyCycle(),
    testCustomValidation(),
    testAsyncValidationError(),
  ];
}

interface Interface {
  readonly required?: Readonly<Record<string, InputSpec>>;
  readonly optional?: Readonly<Record<string, InputSpec>>;
  readonly hidden?: Readonly<Record<string, JsonValue>>;
  readonly outputs: readonly string[];
  readonly isOutput?: boolean;
  readonly listOutputs?: readonly boolean[];
}

function define(
  name: string,
  { required, optional, hidden, outputs, isOutput, listOutputs }: Interface,
): NodeDefinition {
  const input = { ...(required && { required }), ...(optional && { optional }), ...(hidden && { hidden }) };
  return {
    name,
    display_name: name,
    description: '',
    category: '_for_testing',
    python_module: 'custom_nodes.testing-pack',
    input,
    input_order: Object.fromEntries(Object.entries(input).map(([group, specs]) => [group, Object.keys(specs)])),
    output: outputs,
    output_is_list: listOutputs ?? outputs.map(() => false),
    output_name: outputs,
    output_node: isOutput ?? false,
  };
}

function stubNumber(name: string, type: 'INT' | 'FLOAT', limits: Readonly<Record<string, number>>): NodeClass {
  return {
    definition: define(name, { required: { value: [type, limits] }, outputs: [type] }),
    execute: ({ value }) => ({ outputs: [value] }),
  };
}

const SIZE: InputSpec = ['INT', { default: 512, min: 1, max: 1024 ** 3, step: 1 }];
const BATCH_SIZE: InputSpec = ['INT', { default: 1, min: 1, max: 1024 ** 3, step: 1 }];

function stubImage(): NodeClass {
  const shades: Readonly<Record<string, number>> = { BLACK: 0, WHITE: 255, NOISE: 128 };
  return {
    definition: define('StubImage', {
      required: { content: [Object.keys(shades)], height: SIZE, width: SIZE, batch_size: BATCH_SIZE },
      outputs: ['IMAGE'],
    }),
    execute: ({ content, height, width, batch_size }) => ({
      outputs: [grey(shades[String(content)] ?? 0, Number(width), Number(height), Number(batch_size))],
    }),
  };
}

function stubMask(): NodeClass {
  return {
    definition: define('StubMask', {
      required: {
        value: ['FLOAT', { default: 0.5, min: 0, max: 1, step: 0.01 }],
        height: SIZE,
        width: SIZE,
        batch_size: BATCH_SIZE,
      },
      outputs: ['MASK'],
    }),
    execute: ({ value, height, width, batch_size }) => {
      const frame = Buffer.alloc(Number(width) * Number(height), Math.round(Number(value) * 255));
      const mask: MaskBatch = {
        type: 'MASK',
        width: Number(width),
        height: Number(height),
        frames: Array.from({ length: Number(batch_size) }, () => frame),
      };
      return { outputs: [mask] };
    },
  };
}

function grey(level: number, width: number, height: number, batchSize = 1): ImageBatch {
  const frame = Buffer.alloc(width * height * 3, level);
  return { type: 'IMAGE', width, height, channels: 3, frames: Array.from({ length: batchSize }, () => frame) };
}

function testSleep(clock: Clock, speed: number, progressEveryMs: number): NodeClass {
  return {
    definition: define('TestSleep', {
      required: { value: ['*', {}], seconds: ['FLOAT', { default: 1, min: 0, max: 9999, step: 0.01 }] },
      hidden: { unique_id: 'UNIQUE_ID' },
      outputs: ['*'],
    }),
    isAsync: true,
    cacheByNodeId: true,
    async execute({ value, seconds }, context) {
      const total = Number(seconds);
      const startedAt = clock.now();
      for (let elapsed = 0; elapsed < total; ) {
        elapsed = ((clock.now() - startedAt) / 1000) * speed;
        context.progress(Math.min(elapsed, total), total);
        await context.delay(progressEveryMs);
      }
      return { outputs: [value] };
    },
  };
}

function testParallelSleep(): NodeClass {
  const seconds: InputSpec = ['FLOAT', { default: 0.5, min: 0, max: 10, step: 0.01 }];
  return {
    definition: define('TestParallelSleep', {
      required: {
        image1: ['IMAGE'],
        image2: ['IMAGE'],
        image3: ['IMAGE'],
        sleep1: seconds,
        sleep2: seconds,
        sleep3: seconds,
      },
      hidden: { unique_id: 'UNIQUE_ID' },
      outputs: ['IMAGE'],
      isOutput: true,
    }),
    cacheByNodeId: true,
    execute(inputs) {
      const sleeper = (index: number) => ({
        class_type: 'TestSleep',
        inputs: { value: inputs[`image${index}`], seconds: inputs[`sleep${index}`] },
      });
      const expand = {
        '1': sleeper(1),
        '2': sleeper(2),
        '3': sleeper(3),
        '4': { class_type: 'TestVariadicAverage', inputs: { input1: ['1', 0], input2: ['2', 0], input3: ['3', 0] } },
      };
      return { outputs: [['4', 0]], expand: expand as Graph };
    },
  };
}

function testVariadicAverage(): NodeClass {
  return {
    definition: define('TestVariadicAverage', { required: { input1: ['IMAGE'] }, outputs: ['IMAGE'] }),
    // Averaging pictures is beside the point of these recordings; the first one stands for all.
    execute: ({ input1 }) => ({ outputs: [input1] }),
  };
}

function testSyncError(): NodeClass {
  return {
    definition: define('TestSyncError', { required: { value: ['*', {}] }, outputs: ['*'] }),
    execute() {
      throw new NodeException('RuntimeError', 'Intentional sync execution error for testing');
    },
  };
}

function testAsyncError(speed: number): NodeClass {
  return {
    definition: define('TestAsyncError', {
      required: { value: ['*', {}], error_after: ['FLOAT', { default: 0.1, min: 0, max: 10 }] },
      outputs: ['*'],
    }),
    isAsync: true,
    async execute({ error_after }, context) {
      await context.delay((Number(error_after) * 1000) / speed);
      throw new NodeException('RuntimeError', 'Intentional async execution error for testing');
    },
  };
}

function testExecutionBlocker(): NodeClass {
  return {
    definition: define('TestExecutionBlocker', {
      required: { input: ['*'], block: ['BOOLEAN'], verbose: ['BOOLEAN', { default: false }] },
      outputs: ['*'],
    }),
    execute({ input, block, verbose }) {
      return { outputs: [block ? new Blocker(verbose ? 'Blocked Execution' : null) : input] };
    },
  };
}

function testLazyMixImages(): NodeClass {
  const levels = (mask: unknown) => {
    const frames = (mask as MaskBatch).frames;
    return { min: Math.min(...frames.map((frame) => frame[0]!)), max: Math.max(...frames.map((frame) => frame[0]!)) };
  };
  return {
    definition: define('TestLazyMixImages', {
      required: { image1: ['IMAGE', { lazy: true }], image2: ['IMAGE', { lazy: true }], mask: ['MASK'] },
      outputs: ['IMAGE'],
    }),
    checkLazy({ mask, image1, image2 }) {
      const { min, max } = levels(mask);
      const needsFirst = min < 255 || max < 255;
      const needsSecond = min > 0 || max > 0;
      return [
        ...(image1 === undefined && needsFirst ? ['image1'] : []),
        ...(image2 === undefined && needsSecond ? ['image2'] : []),
      ];
    },
    execute({ mask, image1, image2 }) {
      return { outputs: [levels(mask).max > 127 ? (image2 ?? image1) : (image1 ?? image2)] };
    },
  };
}

function testMakeList(): NodeClass {
  const names = Array.from({ length: 9 }, (_, index) => `value${index + 1}`);
  return {
    definition: define('TestMakeListNode', {
      required: { value1: ['*'] },
      optional: Object.fromEntries(names.slice(1).map((name): [string, InputSpec] => [name, ['*']])),
      outputs: ['*'],
      listOutputs: [true],
    }),
    execute: (inputs) => ({ outputs: [names.filter((name) => name in inputs).map((name) => inputs[name])] }),
  };
}

const EXPANSION_SIZE = 512;

function testMixedExpansionReturns(): NodeClass {
  const size = { height: EXPANSION_SIZE, width: EXPANSION_SIZE, batch_size: 1 };
  return {
    definition: define('TestMixedExpansionReturns', { required: { input1: ['FLOAT'] }, outputs: ['IMAGE', 'IMAGE'] }),
    execute({ input1 }) {
      const level = Number(input1);
      const white = grey(255, EXPANSION_SIZE, EXPANSION_SIZE);
      if (level <= 0.2) return { outputs: [grey(Math.round(level * 255), EXPANSION_SIZE, EXPANSION_SIZE), white] };
      const expand: Graph = {
        '1': { class_type: 'StubMask', inputs: { value: 0.3, ...size } },
        '2': { class_type: 'StubImage', inputs: { content: 'BLACK', ...size } },
        '3': { class_type: 'StubImage', inputs: { content: 'WHITE', ...size } },
        '4': { class_type: 'TestLazyMixImages', inputs: { image1: ['2', 0], image2: ['3', 0], mask: ['1', 0] } },
      };
      return { outputs: [['4', 0], white], expand };
    },
  };
}

function testDynamicDependencyCycle(): NodeClass {
  const size = { height: EXPANSION_SIZE, width: EXPANSION_SIZE, batch_size: 1 };
  return {
    definition: define('TestDynamicDependencyCycle', {
      required: { input1: ['IMAGE'], input2: ['IMAGE'] },
      outputs: ['IMAGE'],
    }),
    execute({ input1, input2 }) {
      const expand = {
        '1': { class_type: 'StubMask', inputs: { value: 0.5, ...size } },
        '2': { class_type: 'TestLazyMixImages', inputs: { image1: input1, image2: ['3', 0], mask: ['1', 0] } },
        '3': { class_type: 'TestLazyMixImages', inputs: { image1: ['2', 0], image2: input2, mask: ['1', 0] } },
      };
      return { outputs: [['3', 0]], expand: expand as Graph };
    },
  };
}

function testCustomValidation(): NodeClass {
  return {
    definition: define('TestCustomValidation1', {
      required: { input1: ['IMAGE,FLOAT'], input2: ['IMAGE,FLOAT'] },
      outputs: ['IMAGE'],
    }),
    validatedInputs: ['input1', 'input2'],
    validate({ input1, input2 }) {
      for (const [name, value] of Object.entries({ input1, input2 })) {
        if (typeof value === 'string') return `Invalid type of ${name}: <class 'str'>`;
      }
      return true;
    },
    execute: () => ({ outputs: [grey(255, 512, 512)] }),
  };
}

function testAsyncValidationError(): NodeClass {
  const printed = (value: unknown) => (Number.isInteger(value) ? `${String(value)}.0` : String(value));
  return {
    definition: define('TestAsyncValidationError', {
      required: { value: ['FLOAT', { default: 5 }], max_value: ['FLOAT', { default: 10 }] },
      outputs: ['IMAGE'],
    }),
    validatedInputs: ['value', 'max_value'],
    async validate({ value, max_value }) {
      await Promise.resolve();
      if (Number(value) <= Number(max_value)) return true;
      return `Async validation failed: ${printed(value)} > ${printed(max_value)}`;
    },
    execute: () => ({ outputs: [grey(255, 512, 512)] }),
  };
}
