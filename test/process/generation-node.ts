import { parseConfig } from '../../src/config/index.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel } from '../../src/easel.js';
import { validateGraph } from '../../src/graph/index.js';

/**
 * One Easel process for the crash tests. Its argument is JSON:
 *
 *   { dataDir, databaseUrl, backendUrl, hold?: probe point at which to stand still for ever, graph?: submit this,
 *     follow?: generation id to wait for, batch?: submit so many under fixed keys and wait for all of them,
 *     price?: points for each generation }
 *
 * It prints `submitted ID`, `reached POINT`, `ended STATUS`, then lives until it is killed or told to stop on stdin.
 */
const order = JSON.parse(process.argv[2] ?? '{}') as {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly backendUrl: string;
  readonly hold?: string;
  readonly graph?: unknown;
  readonly follow?: string;
  readonly batch?: number;
  readonly price?: number;
};

const say = (line: string) => process.stdout.write(`${line}\n`);

const config = parseConfig({
  dataDir: order.dataDir,
  databaseUrl: order.databaseUrl,
  backends: [{ id: 'engine', kind: 'comfyui', url: order.backendUrl }],
  // Long, so that the second process gets the lease because the first is dead, and not because time has passed.
  timing: { leaseMs: 60_000, tickMs: 100 },
  ...(order.price === undefined
    ? {}
    : { points: { enabled: true, margin: 2, prices: [{ workflow: '*', flat: order.price }] } }),
});

const easel = await createEasel(config, {
  logger: silentLogger,
  async probe(point, ids) {
    say(`at ${point} ${ids.generationId}`);
    if (point !== order.hold) return;
    say(`reached ${point}`);
    await new Promise(() => {});
  },
});

process.stdin.once('data', () => void easel.stop().then(() => process.exit(0)));
await easel.start();
if (order.graph !== undefined) {
  const submitting = easel.generations.submit({
    accountId: 'crash',
    graph: validateGraph(order.graph),
    idempotencyKey: newId(),
  });
  // Held at `submitted`, the call never returns, but what it accepted is durable.
  const { id } = await submitting;
  say(`submitted ${id}`);
}
if (order.follow !== undefined) {
  const ended = await easel.generations.wait(order.follow, 'crash');
  await easel.generations.sweep();
  say(`ended ${ended.status}`);
}

if (order.batch !== undefined) {
  const graphOf = (index: number) =>
    validateGraph({
      '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: index } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: `batch-${index}` } },
    });
  const ids: string[] = [];
  for (let index = 0; index < order.batch; index += 1) {
    // A process that was killed in between submits the same again: the key makes it once.
    const accepted = await easel.generations.submit({
      accountId: 'crash',
      graph: graphOf(index),
      idempotencyKey: `batch-${index}`,
    });
    ids.push(accepted.id);
  }
  const ended = await Promise.all(ids.map((id) => easel.generations.wait(id, 'crash')));
  await easel.generations.sweep();
  say(`all ended ${[...new Set(ended.map((generation) => generation.status))].join(' ')}`);
}
