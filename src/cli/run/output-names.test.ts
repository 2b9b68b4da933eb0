import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { displayPath, folderOf, nameOutputs, type OutputNaming, readOutputTarget } from './output-names.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'easel-names-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const output: OutputNaming = { name: 'lighthouse', seed: 18446744073709551615n, nodeId: '9', extension: '.png' };

function first(out: string | undefined, outputs: readonly OutputNaming[] = [output], force = false): string[] {
  const target = readOutputTarget(out, { cwd, force });
  return nameOutputs(target, outputs).map(({ candidates }) => {
    for (const path of candidates) return relative(cwd, path);
    return '';
  });
}

const touch = (...names: string[]) => {
  for (const name of names) {
    mkdirSync(join(cwd, name, '..'), { recursive: true });
    writeFileSync(join(cwd, name), '');
  }
};

describe('names of outputs', () => {
  it('count up in easel-out by default', () => {
    expect(first(undefined)).toEqual(['easel-out/lighthouse-1.png']);
    touch('easel-out/lighthouse-1.png', 'easel-out/lighthouse-7.png', 'easel-out/lighthouse-x.png');
    expect(first(undefined)).toEqual(['easel-out/lighthouse-8.png']);
    expect(first(undefined, [output, output])).toEqual(['easel-out/lighthouse-8.png', 'easel-out/lighthouse-9.png']);
    expect(first(undefined, [output, output], true)).toEqual([
      'easel-out/lighthouse-1.png',
      'easel-out/lighthouse-2.png',
    ]);
  });

  it('are the file that was asked for, when there is one output', () => {
    touch('a.png');
    expect(first('a.png')).toEqual(['a.png']);
    expect(first('a')).toEqual(['a.png']);
    expect(first('a.png', [output, output])).toEqual(['a-1.png', 'a-2.png']);
  });

  it('go into a folder', () => {
    expect(first('pictures/')).toEqual(['pictures/lighthouse-1.png']);
    mkdirSync(join(cwd, 'there'));
    expect(first('there')).toEqual(['there/lighthouse-1.png']);
  });

  it('follow a pattern', () => {
    expect(first('{name}/{node}_{seed}.{ext}')).toEqual(['lighthouse/9_18446744073709551615.png']);
    touch('b/lighthouse.png');
    const target = readOutputTarget('b/{name}.{ext}', { cwd, force: false });
    const [named] = nameOutputs(target, [output]);
    const tried: string[] = [];
    for (const path of named!.candidates) {
      tried.push(relative(cwd, path));
      if (tried.length === 3) break;
    }
    expect(tried).toEqual(['b/lighthouse.png', 'b/lighthouse-2.png', 'b/lighthouse-3.png']);
    expect(named!.replace).toBe(false);
  });

  it('never collide within one run', () => {
    expect(new Set(first('{name}.{ext}', [output, output, output])).size).toBe(3);
    expect(new Set(first('{name}.{ext}', [output, output, output], true)).size).toBe(3);
  });

  it('refuse an unknown placeholder and name the nearest', () => {
    expect(() => first('{sed}.png')).toThrow('Did you mean {seed}?');
    expect(() => first(' ')).toThrow('--out is empty');
  });

  it('keep out of other folders, whatever the workflow is called', () => {
    expect(first(undefined, [{ ...output, name: '../../etc/passwd' }])).toEqual(['easel-out/_.._etc_passwd-1.png']);
    expect(first('{node}.png', [{ ...output, nodeId: '..' }])).toEqual(['output.png']);
  });

  it('tell the folder that must be there', () => {
    const folder = (out: string | undefined) => relative(cwd, folderOf(readOutputTarget(out, { cwd, force: false })));
    expect(folder(undefined)).toBe('easel-out');
    expect(folder('x/y.png')).toBe('x');
    expect(folder('x/{name}/y.png')).toBe('x');
    expect(folder('x/a{name}b/y.png')).toBe('x');
  });

  it('are shown relative to the working folder', () => {
    expect(displayPath(join(cwd, 'a', 'b.png'), cwd)).toBe(join('a', 'b.png'));
    expect(displayPath(join(tmpdir(), 'b.png'), cwd)).toBe(join(tmpdir(), 'b.png'));
  });
});
