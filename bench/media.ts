import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DeleteObjectCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { parseConfig } from '../src/config/index.js';
import { systemClock } from '../src/core/clock.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { createEasel } from '../src/easel.js';
import { createHttpServer, listen } from '../src/http/index.js';
import { FileMediaStore, type MediaStore, S3MediaStore } from '../src/media/index.js';
import { cephAvailability, type S3Place, startCeph } from '../test/helpers/ceph.js';
import { print, quantile, seconds, table } from './lib/report.js';

/**
 * How fast a large file goes into each store and out of it, beside the same without Easel: a plain copy of the file, the S3
 * client alone. Both take turns, so that whatever else the machine does hits both; what counts is the ratio. And how much
 * memory it takes to deliver the file over HTTP.
 */
const MIB = 2 ** 20;
const OWNER = 'bench';

interface Pair {
  readonly what: string;
  readonly easel: () => Promise<void>;
  readonly alone: () => Promise<void>;
}

export async function run(args: readonly string[]): Promise<object> {
  const quick = args.includes('--quick');
  const [bytes, rounds] = quick ? [20 * MIB, 2] : [200 * MIB, 7];
  const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  try {
    const source = join(folder, 'source');
    await writeFile(source, randomBytes(bytes));
    print(`A file of ${bytes / MIB} MiB, ${rounds} rounds`);
    const results: Record<string, object> = { file: await measure(filePairs(folder, source), bytes, rounds) };
    const ceph = cephAvailability();
    if (ceph.available) {
      const server = await startCeph();
      try {
        results['s3'] = await measure(await s3Pairs(folder, source, await server.bucket()), bytes, rounds);
      } finally {
        await server.remove();
      }
    } else {
      print(`S3 is left out: ${ceph.reason}`);
    }
    results['http'] = await delivery(folder, source, bytes, rounds);
    return { bytes, rounds, ...results };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(pairs: readonly Pair[], bytes: number, rounds: number): Promise<object[]> {
  const rows = [];
  for (const { what, easel, alone } of pairs) {
    const ratios: number[] = [];
    const speeds: [number, number][] = [];
    // The first round warms up both.
    for (let round = 0; round <= rounds; round += 1) {
      const baseline = bytes / MIB / (await secondsOf(alone));
      const own = bytes / MIB / (await secondsOf(easel));
      if (round === 0) continue;
      speeds.push([own, baseline]);
      ratios.push(own / baseline);
    }
    rows.push({
      what,
      easelMibPerSecond: Math.round(median(speeds.map(([own]) => own))),
      aloneMibPerSecond: Math.round(median(speeds.map(([, baseline]) => baseline))),
      ratio: Number(median(ratios).toFixed(2)),
      ratios: ratios.map((ratio) => Number(ratio.toFixed(2))),
    });
  }
  table(rows.map(({ ratios: _, ...row }) => row));
  return rows;
}

function filePairs(folder: string, source: string): Pair[] {
  const store = new FileMediaStore({ root: join(folder, 'store'), clock: systemClock });
  const copy = join(folder, 'copy');
  return [
    {
      what: 'into the folder / plain copy, flushed',
      easel: () => putAndRemove(store, source),
      alone: async () => {
        await pipeline(createReadStream(source), createWriteStream(copy));
        const file = await open(copy, 'r');
        await file.sync();
        await file.close();
      },
    },
    outPair('out of the folder / plain copy', store, source, join(folder, 'out'), () =>
      pipeline(createReadStream(source), createWriteStream(copy)),
    ),
  ];
}

async function s3Pairs(folder: string, source: string, place: S3Place): Promise<Pair[]> {
  const { bucket: Bucket, endpoint, region, accessKeyId, secretAccessKey } = place;
  const store = new S3MediaStore({ ...place, clock: systemClock });
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const upload = (Key: string) =>
    new Upload({
      client,
      queueSize: 3,
      partSize: 8 * MIB,
      params: { Bucket, Key, Body: createReadStream(source) },
    }).done();
  await upload('alone-out');
  return [
    {
      what: 'into S3 / S3 client alone',
      easel: () => putAndRemove(store, source),
      alone: async () => {
        await upload('alone');
        await client.send(new DeleteObjectCommand({ Bucket, Key: 'alone' }));
      },
    },
    outPair('out of S3 / S3 client alone', store, source, join(folder, 'out'), async () => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'alone-out' }));
      await pipeline(Body as Readable, createWriteStream(join(folder, 'copy')));
    }),
  ];
}

function outPair(what: string, store: MediaStore, source: string, target: string, alone: () => Promise<void>): Pair {
  let stored: Promise<string> | undefined;
  return {
    what,
    alone,
    easel: async () => {
      stored ??= put(store, source);
      const { stream } = await store.open(await stored);
      await pipeline(stream, createWriteStream(target));
    },
  };
}

async function put(store: MediaStore, source: string): Promise<string> {
  const staged = await store.stage(createReadStream(source), { owner: OWNER });
  await store.commit(staged);
  return staged.hash;
}

async function putAndRemove(store: MediaStore, source: string): Promise<void> {
  await store.remove(await put(store, source));
}

/** The whole way over HTTP, client included: seconds beside a plain copy, and the memory that it took. */
async function delivery(folder: string, source: string, bytes: number, rounds: number): Promise<object> {
  const dataDir = join(folder, 'easel');
  const easel = await createEasel(parseConfig({ dataDir }), { logger: silentLogger });
  const app = createHttpServer({ easel, logger: silentLogger, clock: systemClock });
  try {
    const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
    // As an output comes in: not looked at, whatever its kind.
    const { mediaId } = await easel.generations.attach('local', createReadStream(source), { maxBytes: bytes });
    await easel.db.transaction((tx) =>
      tx.updateTable('media').set({ state: 'stored' }).where('id', '=', mediaId).execute(),
    );
    const fetchIt = () => download(`${url}/v1/media/${mediaId}/content`, join(folder, `http-${newId()}`));
    await fetchIt();
    const before = process.memoryUsage().rss;
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 5);
    const rows = await measure(
      [
        {
          what: 'over HTTP, with its client / plain copy',
          easel: fetchIt,
          alone: () => pipeline(createReadStream(source), createWriteStream(join(folder, 'copy'))),
        },
      ],
      bytes,
      rounds,
    );
    clearInterval(sampler);
    const extraMib = Math.round((peak - before) / MIB);
    print(
      `Memory of server and client together while it was delivered ${rounds + 1} times: ${extraMib} MiB more than before`,
    );
    return { rows, extraMib };
  } finally {
    await app.close();
    await easel.stop();
  }
}

async function download(url: string, target: string): Promise<void> {
  const response = await new Promise<Readable>((resolve, reject) => {
    request(url, resolve).once('error', reject).end();
  });
  await pipeline(response, createWriteStream(target));
  rmSync(target);
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return seconds(startedAt);
}

const median = (values: readonly number[]) => quantile(values, 0.5);
