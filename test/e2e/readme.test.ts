import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cleanEnvironment, EaselProcess, easel, FAST, root, startEngine, temporaryFolder } from './easel.js';

/** What the README tells people to type is run here, in its order. `npm test` is what runs this. */
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language,
  text: text!,
}));
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .map((line) => line.replace(/\s+#.*$/, '').trim())
  .filter((line) => line !== '');

const pixels = (file: string) => sharp(file).raw().toBuffer();

/** Splits as a shell does, as far as the README goes. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

function workingFolder(): string {
  const folder = temporaryFolder();
  symlinkSync(join(root, 'examples'), join(folder, 'examples'));
  return folder;
}

describe('README', () => {
  test('holds only commands that are known here', () => {
    const known = /^(npm run demo|npm test|easel (run|inspect|convert|doctor|serve)\b.*)$/;
    expect(commands.filter((command) => !known.test(command))).toEqual([]);
    expect(commands).toContain('npm run demo');
    expect(commands).toContain('npm test');
  });

  test('npm run demo makes the picture that it shows', async () => {
    const started = performance.now();
    const demo = spawnSync(process.execPath, ['scripts/demo.mjs'], {
      cwd: root,
      env: cleanEnvironment({}),
      encoding: 'utf8',
    });
    expect(demo.stderr + demo.stdout).toContain('%');
    expect(demo.status).toBe(0);
    // The promise is 30 s after the install, on an idle machine; tests run beside it here.
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(await pixels(join(root, 'easel-out/demo.png'))).toEqual(
      await pixels(join(root, 'docs/images/lighthouse.png')),
    );
  }, 90_000);

  test('its commands work, one after the other', async () => {
    const cwd = workingFolder();
    const engine = await startEngine();
    const simple = commands.filter((command) => command.startsWith('easel ') && !command.startsWith('easel serve'));
    expect(simple.length).toBeGreaterThan(4);
    for (const command of simple) {
      const args = words(command.replace('http://127.0.0.1:8188', engine.url)).slice(1);
      const ended = await easel(args, { cwd, env: FAST });
      expect(`${command}: ${ended.code} ${ended.code === 0 ? '' : ended.stderr}`).toBe(`${command}: 0 `);
    }
    // "the same graph, the same seed to the last digit, the same picture"
    expect(await pixels(join(cwd, 'again.png'))).toEqual(await pixels(join(cwd, 'fog.png')));
  }, 120_000);

  test('easel serve listens where it says', async () => {
    const service = new EaselProcess(['serve', '--port', '0'], { cwd: workingFolder(), env: FAST });
    const [url] = await service.output('stdout', /http:\/\/127\.0\.0\.1:\d+/);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await service.stop()).code).toBe(0);
  });

  test('its library example runs', () => {
    const example = blocks.find(({ language }) => language === 'ts')!.text;
    const cwd = workingFolder();
    const script = join(cwd, 'example.mjs');
    const { code } = transformSync(example, { loader: 'ts', format: 'esm' });
    writeFileSync(
      script,
      code.replaceAll(/from ["']easel["']/g, `from ${JSON.stringify(join(root, 'dist/index.js'))}`),
    );
    const ran = spawnSync(process.execPath, [script], {
      cwd,
      env: cleanEnvironment({ EASEL_LOG_LEVEL: 'warn' }),
      encoding: 'utf8',
    });
    expect(ran.stderr).not.toContain('Error');
    expect(ran.stdout).toMatch(/\d+ % KSampler/);
    expect(ran.stdout).toMatch(/succeeded \S+\.png \d+\n$/);
    expect(ran.status).toBe(0);
  }, 60_000);
});
