import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { type WorkflowInput, workflowTypes } from '../../src/workflows/index.js';
import { root } from '../e2e/easel.js';

const input = (more: Partial<WorkflowInput> & Pick<WorkflowInput, 'name' | 'type'>): WorkflowInput => ({
  ...{ role: 'other' as WorkflowInput['role'], required: false, group: '', order: 0, source: 'manifest', targets: [] },
  ...more,
});

const TEXT = workflowTypes([
  {
    name: 'portrait',
    description: 'Draws */ people.',
    inputs: [
      input({ name: 'prompt', type: 'string', required: true, description: 'What to draw.' }),
      input({ name: 'seed', type: 'integer', min: 0, max: 18446744073709551615n, seed: 'random' }),
      input({ name: 'sampler', type: 'choice', choices: ['euler', 'dpm++ 2m'] }),
      input({ name: 'face image', type: 'file', media: 'image' }),
    ],
  },
  { name: 'up-scale', description: null, inputs: [] },
]);

/** The messages of the compiler for a program that uses the types. */
function compile(body: string): string[] {
  const files: Record<string, string> = {
    [join(root, 'test/client/easel-workflows.ts')]: TEXT,
    [join(root, 'test/client/program.ts')]: `
      import { EaselClient } from '../../src/client/index.js';
      import type { EaselWorkflows } from './easel-workflows.js';
      const easel = new EaselClient<EaselWorkflows>({ baseUrl: 'http://127.0.0.1' });
      ${body}`,
  };
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => path in files || fileExists.call(host, path);
  host.readFile = (path) => files[path] ?? readFile.call(host, path);
  host.getSourceFile = (path, version, ...rest) =>
    path in files
      ? ts.createSourceFile(path, files[path] ?? '', version)
      : getSourceFile.call(host, path, version, ...rest);
  const program = ts.createProgram(Object.keys(files), { ...options, noEmit: true, skipLibCheck: true }, host);
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file !== undefined && file.fileName in files)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

test('a right call compiles, and every wrong one is an error', () => {
  expect(
    compile(`
      void easel.run('portrait', { prompt: 'a', seed: 7n, sampler: 'euler', 'face image': { media_id: 'x' } });
      void easel.submit('up-scale', {});
    `),
  ).toEqual([]);
  const wrong = compile(`
    void easel.run('portait', { prompt: 'a' });
    void easel.run('portrait', {});
    void easel.run('portrait', { prompt: 7 });
    void easel.run('portrait', { prompt: 'a', sampler: 'eulr' });
    void easel.run('portrait', { prompt: 'a', stps: 7 });
  `);
  expect(wrong).toHaveLength(5);
  expect(wrong[0]).toContain('portait');
  expect(wrong[1]).toContain("'prompt' is missing");
  expect(wrong[3]).toContain('eulr');
  expect(wrong[4]).toContain('stps');
}, 60_000);
