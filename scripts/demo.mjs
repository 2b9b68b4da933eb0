// `npm run demo`: set up, build, then the built command makes a picture of an example workflow on the built-in engine.
// Arguments are passed on: `npm run demo -- --prompt "a red barn" --seed 7`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { main, root, run, runNode } from './lib/process.mjs';
import { setup } from './setup.mjs';

const WORKFLOW = 'examples/lighthouse.json';
const PICTURE = join('easel-out', 'demo.png');

async function demo(args) {
  await setup();
  await runNode(['scripts/build.mjs']);
  mkdirSync(join(root, 'easel-out'), { recursive: true });
  process.stdout.write(`easel run ${WORKFLOW} --out ${PICTURE}\n\n`);
  const code = await run(process.execPath, ['dist/cli/main.js', 'run', WORKFLOW, '--out', PICTURE, ...args]);
  if (code !== 0) return code;
  const rehearsed = args.some((arg) => arg.startsWith('--backend'))
    ? ''
    : 'It is a rehearsal: the built-in engine ran every node of the workflow, but drew the picture without a model.\n';
  process.stdout.write(`
The picture: ${join(root, PICTURE)}
${rehearsed}
What to try next:
  npm run demo -- --prompt "a red barn in the snow" --seed 7
  node dist/cli/main.js inspect ${WORKFLOW}
  node dist/cli/main.js run YOUR-WORKFLOW.json --out picture.png
  node dist/cli/main.js run ${WORKFLOW} --backend http://127.0.0.1:8188 --out picture.png    (your own ComfyUI)
`);
  return 0;
}

await main(() => demo(process.argv.slice(2)));
