// Transpiles src/ to dist/ with esbuild (fast, no type check); `--types` adds the declarations with tsc, as publishing needs
// them. Does nothing when dist/ was made from the same sources: a demo that is run while tests use dist/ must not pull it
// away from under them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outDir = join(root, process.env.EASEL_BUILD_DIR ?? 'dist');
const stampFile = join(outDir, '.sources');

const sources = readdirSync(join(root, 'src'), { recursive: true })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.d.ts'))
  .map((name) => join(root, 'src', name))
  .sort();
const stamp = digest([...sources, fileURLToPath(import.meta.url), join(root, 'package-lock.json')]);

if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  rmSync(outDir, { recursive: true, force: true });
  await build({
    entryPoints: sources,
    outdir: outDir,
    outbase: join(root, 'src'),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
  chmodSync(join(outDir, 'cli', 'main.js'), 0o755);
  writeFileSync(stampFile, stamp);
}
if (process.argv.includes('--types')) {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
}

function digest(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}
