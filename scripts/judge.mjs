// `npm run judge:conversion [-- FILE...]`: how the official front end converts the official templates, against how Easel
// does (test/judge/). What it needs from PyPI is kept in node_modules/.cache/easel; nothing of it enters the project.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { main, root, ScriptError } from './lib/process.mjs';
import { setup } from './setup.mjs';

async function judge(names) {
  const definitionsFile = join(root, '..', 'shared', 'data', 'object-info', '0.8.0.json');
  if (!existsSync(definitionsFile))
    throw new ScriptError(
      'The judge needs a recorded /object_info: ../shared/data/object-info/0.8.0.json is not here.',
    );
  await setup();
  const cacheFolder = join(root, 'node_modules', '.cache', 'easel');
  mkdirSync(cacheFolder, { recursive: true });
  const outfile = join(cacheFolder, 'judge.mjs');
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(root, 'test', 'judge', 'conversion.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const { judgeConversion } = await import(pathToFileURL(outfile).href);
  const resultsFile = join(root, 'test', 'judge', 'results.json');
  await judgeConversion(names, { cacheFolder, definitionsFile, resultsFile }).catch((error) => {
    throw error.name === 'NotAvailable' ? new ScriptError(error.message) : error;
  });
}

await main(() => judge(process.argv.slice(2)));
