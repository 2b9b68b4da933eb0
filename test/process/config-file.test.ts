import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { bundleChild, Child } from '../helpers/child.js';

/** Configuration files that are programs, read by a plain Node process: inside the test runner every import is its own. */
let script: string;
let folder: string;
beforeAll(async () => {
  script = await bundleChild('test/process/config-reader.ts');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(): Promise<unknown> {
  const child = new Child(script, [folder]);
  const { code } = await child.exited;
  expect(code, child.stderr).toBe(0);
  return JSON.parse(child.lines[0] ?? '');
}

test('an ES module', async () => {
  writeFileSync(join(folder, 'other.mjs'), 'export const port = 1234;');
  writeFileSync(
    join(folder, 'easel.config.mjs'),
    `import { port } from './other.mjs';\nexport default { http: { port } };`,
  );
  expect(await read()).toMatchObject({ port: 1234 });
});

test('TypeScript, with types and imports of its own', async () => {
  writeFileSync(join(folder, 'other.mjs'), 'export const port = 1234;');
  writeFileSync(
    join(folder, 'easel.config.ts'),
    `import { port } from './other.mjs';\ninterface Shape { http: { port: number } }\nexport default { http: { port: port as number } } satisfies Shape;`,
  );
  expect(await read()).toMatchObject({ port: 1234 });
  expect(readdirSync(folder).sort(), 'nothing is left behind').toEqual(['easel.config.ts', 'other.mjs']);
});

test('a module that throws is named, with the reason', async () => {
  writeFileSync(join(folder, 'easel.config.mjs'), 'throw new Error("no luck.")');
  expect(await read()).toEqual({
    code: 'config_invalid',
    message: `The configuration file ${join(folder, 'easel.config.mjs')} cannot be used: no luck.`,
  });
});

test('TypeScript that does not parse leaves nothing behind either', async () => {
  writeFileSync(join(folder, 'easel.config.ts'), 'export default {{');
  expect(await read()).toMatchObject({ code: 'config_invalid' });
  expect(readdirSync(folder)).toEqual(['easel.config.ts']);
});

test.skipIf(Boolean((process.features as { typescript?: unknown }).typescript))(
  'without anything that can run TypeScript, the message says so and names the ways out',
  async () => {
    writeFileSync(join(folder, 'easel.config.ts'), 'export default {};');
    const withoutEsbuild = `export function resolve(name, context, next) {
      if (name === 'esbuild') throw new Error('not installed');
      return next(name, context);
    }`;
    const hook = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(withoutEsbuild))});`;
    const child = new Child(script, [folder], { env: { NODE_OPTIONS: `--import ${dataUrl(hook)}` } });
    await child.exited;
    expect(JSON.parse(child.lines[0] ?? '')).toEqual({
      code: 'config_invalid',
      message: `The configuration file ${join(folder, 'easel.config.ts')} cannot be used: Node ${process.versions.node} cannot run TypeScript.`,
    });
  },
);

function dataUrl(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
