import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EaselProcess, easel, FAST, startEngine, temporaryFolder } from './easel.js';

/** The commands that go on until they are told to stop. */
const cwd = temporaryFolder();

const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, never>;

describe('engine', () => {
  it('speaks as ComfyUI does, and ends at a signal', async () => {
    const own = join(cwd, 'tmp');
    mkdirSync(own);
    const engine = new EaselProcess(['engine', '--port', '0', '--release', '0.3.64'], {
      env: { ...FAST, TMPDIR: own },
    });
    const [, url] = await engine.output('stdout', /^(http:\/\/127\.0\.0\.1:\d+)\n/);
    expect(await json(`${url}/system_stats`)).toMatchObject({ system: { comfyui_version: '0.3.64' } });
    expect(Object.keys(await json(`${url}/object_info`))).toContain('KSampler');
    const { code, stdout, stderr } = await engine.stop('SIGTERM');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${url}\n`, stderr: '' });
    expect(readdirSync(own)).toEqual([]);
  });

  it('offers the models of a file, and faults only when asked to', async () => {
    writeFileSync(join(cwd, 'models.json'), '{"checkpoints": ["a.safetensors"]}');
    const { url } = await startEngine(['--models', join(cwd, 'models.json'), '--data', join(cwd, 'data'), '--control']);
    expect(await json(`${url}/models/checkpoints`)).toEqual(['a.safetensors']);
    expect((await fetch(`${url}/easel/faults`)).status).toBe(200);
    expect(readdirSync(join(cwd, 'data')).sort()).toContain('output');
    const plain = await startEngine();
    expect((await fetch(`${plain.url}/easel/faults`)).status).toBe(404);
  });

  it('says when its port is taken', async () => {
    const { url } = await startEngine();
    const { code, stderr } = await easel(['engine', '--port', new URL(url).port]);
    expect(stderr).toMatch(
      /error\[usage_invalid\]: Cannot listen on 127\.0\.0\.1:\d+: something else listens there already\./,
    );
    expect(code).toBe(2);
  });
});

describe('serve', () => {
  const start = async (args: readonly string[] = []) => {
    const server = new EaselProcess(['serve', '--port', '0', ...args], {
      cwd,
      env: { ...FAST, EASEL_DATA_DIR: join(cwd, 'served') },
    });
    const [, url = ''] = await server.output('stdout', /^(http:\S+)\n/);
    return { server, url };
  };

  it('serves the API, logs JSON when asked to, and stops at a signal', async () => {
    const { server, url } = await start(['--json']);
    expect((await fetch(`${url}/v1/generations`)).status).toBe(200);
    const { code, stdout, stderr } = await server.stop('SIGINT');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${url}\n` });
    for (const line of stderr.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  });

  it('keeps what it knows from one start to the next', async () => {
    const first = await start();
    const graph = {
      '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 255 } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
    };
    const submitted = await fetch(`${first.url}/v1/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=20' },
      body: JSON.stringify({ graph }),
    });
    const generation = (await submitted.json()) as { id: string; status: string };
    expect(generation.status).toBe('succeeded');
    expect((await first.server.stop('SIGTERM')).code).toBe(0);
    const second = await start();
    expect(await json(`${second.url}/v1/generations/${generation.id}`)).toMatchObject({ status: 'succeeded' });
    expect((await second.server.stop('SIGTERM')).code).toBe(0);
  });

  it('refuses to be public without keys', async () => {
    const { code, stderr } = await easel(['serve', '--host', '0.0.0.0', '--port', '0'], {
      cwd,
      env: { EASEL_DATA_DIR: join(cwd, 'served') },
    });
    expect(stderr).toMatch(/error\[config_invalid\]: http\.host is 0\.0\.0\.0/);
    expect(code).toBe(2);
  });
});
