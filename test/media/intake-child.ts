import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseConfig } from '../../src/config/index.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel } from '../../src/easel.js';

/**
 * An Easel that takes in the files that it is told, one JSON line each: `{ path, declaredType }`. It answers `CODE PEAK`,
 * with `stored` for what it took and its highest memory so far in MB.
 */
const dataDir = process.argv[2] ?? '';
const easel = await createEasel(parseConfig({ dataDir, databaseUrl: `sqlite:${join(dataDir, 'easel.db')}` }), {
  logger: silentLogger,
});
const peak = () => Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(`ready ${peak()}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { path, declaredType } = JSON.parse(line) as { path: string; declaredType: string };
  const code = await easel.media.put('a', createReadStream(path), { declaredType }).then(
    () => 'stored',
    (error: { code?: string; httpStatus?: number }) => `${error.code}/${error.httpStatus}`,
  );
  process.stdout.write(`${code} ${peak()}\n`);
}
await easel.stop();
process.stdout.write('stopped\n');
