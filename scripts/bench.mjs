// `node scripts/bench.mjs NAME [arguments]`: set up, build, run bench/NAME.ts against the built product, and write what it
// returns, with the facts of the machine, to bench/results/NAME.json. A bench exports `run(args)`, which prints what people
// want to see and returns (a promise of) what is worth keeping.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { main, root, runNode, ScriptError } from './lib/process.mjs';
import { setup } from './setup.mjs';

async function bench([name, ...args]) {
  const source = join(root, 'bench', `${name}.ts`);
  if (name === undefined || !existsSync(source)) {
    const known = readdirSync(join(root, 'bench')).filter((file) => file.endsWith('.ts'));
    throw new ScriptError(`Give the name of a bench: ${known.map((file) => file.slice(0, -3)).join(', ')}.`);
  }
  await setup();
  await runNode(['scripts/build.mjs']);
  const { run } = await import(pathToFileURL(await bundle(name, source)).href);
  const startedAt = new Date().toISOString();
  const result = await run(args);

  const file = join(root, 'bench', 'results', `${name}.json`);
  mkdirSync(join(root, 'bench', 'results'), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ name, args, startedAt, machine: machine(), result }, null, 2)}\n`);
  process.stdout.write(`\nWritten to ${relative(process.cwd(), file)}\n`);
}

/** Bundles the bench itself; what it imports from src/ is taken from dist/, so that the product is measured as shipped. */
async function bundle(name, source) {
  const { build } = await import('esbuild');
  const outfile = join(root, 'dist', 'bench', `${name}.js`);
  const productFromDist = {
    name: 'product-from-dist',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const fromSource = relative(join(root, 'src'), resolve(resolveDir, path));
        if (fromSource.startsWith('..')) return undefined;
        return { path: `../${fromSource.replaceAll('\\', '/')}`, external: true };
      });
    },
  };
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
    plugins: [productFromDist],
  });
  return outfile;
}

function machine() {
  const processors = cpus();
  return {
    platform: `${platform()}-${arch()}`,
    node: process.versions.node,
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    commit: commit(),
  };
}

function commit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

await main(() => bench(process.argv.slice(2)));
