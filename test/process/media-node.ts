import { createReadStream } from 'node:fs';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import { openDatabase } from '../../src/db/index.js';
import { processIdentity } from '../../src/generations/index.js';
import { Media, mediaPlaces } from '../../src/media/index.js';
import { OutboundClient } from '../../src/outbound/index.js';
import type { S3Place } from '../helpers/ceph.js';

/**
 * One process that does one thing with media, for the crash tests. Its argument is JSON:
 *
 *   { dataDir, databaseUrl, s3?: place, laterMs?: how far its clock is ahead, keepDays?,
 *     hold?: probe point at which to stand still for ever,
 *     put?: path, derive?: id, remove?: id, sweep?: true }
 *
 * It prints `reached POINT`, then `done RESULT`, and lives until it is killed.
 */
const order = JSON.parse(process.argv[2] ?? '{}') as {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly s3?: S3Place;
  readonly laterMs?: number;
  readonly keepDays?: number;
  readonly hold?: string;
  readonly put?: string;
  readonly derive?: string;
  readonly remove?: string;
  readonly sweep?: boolean;
};

const clock = { ...systemClock, now: () => Date.now() + (order.laterMs ?? 0) };
const config = parseConfig({
  dataDir: order.dataDir,
  media: {
    keepDays: order.keepDays ?? 0,
    ...(order.s3 === undefined ? {} : { store: 's3', s3: order.s3 }),
  },
});
const db = await openDatabase({ url: order.databaseUrl, logger: silentLogger });
const outbound = new OutboundClient({ clock });
const media = new Media({
  ...{ db, clock, logger: silentLogger, outbound, settings: config.media },
  ...mediaPlaces(config.media, config.dataDir, clock),
  identity: processIdentity(newId()),
  async probe(point) {
    if (point !== order.hold) return;
    process.stdout.write(`reached ${point}\n`);
    await new Promise(() => setInterval(() => {}, 60_000));
  },
});

const done = (result: unknown) => process.stdout.write(`done ${JSON.stringify(result)}\n`);
if (order.put !== undefined) done((await media.put('crash', createReadStream(order.put))).id);
if (order.derive !== undefined) done((await media.derive(order.derive, 'crash', { preset: 'thumbnail' })).hash);
if (order.remove !== undefined) done(await media.remove(order.remove, 'crash').then(() => true));
if (order.sweep) done(await media.sweep({ orphans: false }));
setInterval(() => {}, 60_000);
