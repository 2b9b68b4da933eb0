// `npm test`: set up, build, then vitest with any arguments passed on. The last line is `N passed, N failed` with
// `, N skipped` when there are any, and the exit code agrees with it. Why tests were skipped is printed before.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main, root, run, runNode } from './lib/process.mjs';
import { setup } from './setup.mjs';

async function test(args) {
  const folder = mkdtempSync(join(tmpdir(), 'easel-test-'));
  const totalsFile = join(folder, 'totals.json');
  const notices = new Set();
  try {
    await setup({ forTests: true });
    await runNode(['scripts/build.mjs']);
    const code = await run(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--reporter=default',
        `--reporter=${join(root, 'scripts/lib/totals-reporter.mjs')}`,
        ...args,
      ],
      {
        stdio: ['inherit', 'inherit', 'pipe'],
        env: { ...process.env, EASEL_TOTALS_FILE: totalsFile },
        onSpawn: (child) => collectNotices(child.stderr, notices),
      },
    );
    const totals = JSON.parse(readFileSync(totalsFile, 'utf8'));
    // Vitest also fails for reasons that are no test: no file matched, a coverage limit, a worker that died.
    if (code !== 0 && totals.failed === 0) totals.failed = 1;
    printTotals(totals, notices);
    return totals.failed > 0 ? 1 : 0;
  } catch (error) {
    printTotals({ passed: 0, failed: 1, skipped: [] }, notices, error);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Passes stderr on and keeps the lines in which test files say what they leave out. */
function collectNotices(stream, notices) {
  let rest = '';
  stream.on('data', (chunk) => {
    process.stderr.write(chunk);
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.startsWith('skipped: ')) notices.add(line.slice('skipped: '.length));
  });
}

function printTotals({ passed, failed, skipped }, notices, error) {
  if (error !== undefined) process.stderr.write(`\n${error.message}\n`);
  if (skipped.length > 0 || notices.size > 0) process.stdout.write('\nSkipped:\n');
  for (const [reason, count, files] of byReason(skipped))
    process.stdout.write(`  ${count} x ${reason} (${files.join(', ')})\n`);
  for (const notice of notices) process.stdout.write(`  ${notice}\n`);
  const suffix = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
  process.stdout.write(`\n${passed} passed, ${failed} failed${suffix}\n`);
}

/** Tests that say no reason are counted by file: why is among the notices, and a line for each would bury it. */
function byReason(skipped) {
  const silent = new Map();
  for (const { note, file } of skipped) if (note === undefined) silent.set(file, (silent.get(file) ?? 0) + 1);
  const groups = new Map();
  for (const { note, file, name } of skipped) {
    const reason = note ?? (silent.get(file) > 1 ? 'tests without what they need' : name);
    const key = note ?? file;
    const group = groups.get(key) ?? { reason, count: 0, files: new Set() };
    group.count += 1;
    group.files.add(file);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ reason, count, files }) => [reason, count, [...files]]);
}

await main(() => test(process.argv.slice(2)));
