import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { insertPngText, readPngText } from '../../src/embedded/png-text.js';
import { type Bench, openBench, show } from './engine-bench.js';
import { request } from './engine-client.js';

/** HTTP behaviour of the engine that no recording shows. */
let bench: Bench;
afterEach(() => bench.close());

const red = (alpha?: number) =>
  sharp({
    create: {
      width: 4,
      height: 2,
      channels: alpha === undefined ? 3 : 4,
      background: { r: 255, g: 0, b: 0, alpha: alpha ?? 1 },
    },
  })
    .png()
    .toBuffer();

async function upload(path: string, parts: Record<string, string | File>) {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) form.append(name, value);
  const response = await fetch(`${bench.engine.url}${path}`, { method: 'POST', body: form });
  const text = await response.text();
  return { status: response.status, json: text.startsWith('{') ? JSON.parse(text) : text };
}

const file = (bytes: Buffer, name: string) => new File([new Uint8Array(bytes)], name);

async function pixels(path: string) {
  const { body } = await request(bench.engine.url, path, { method: 'GET', headers: {} });
  const { data, info } = await sharp(body).raw().toBuffer({ resolveWithObject: true });
  return { first: [...data.subarray(0, info.channels)], info };
}

describe('CORS', () => {
  it('adds headers to answers but not to raised errors, and drops the origin check', async () => {
    bench = await openBench({ corsOrigin: '*', version: '0.8.0' });
    const ask = (method: string, path: string) =>
      request(bench.engine.url, path, { method, headers: { origin: 'http://evil.example' } });
    const queue = await ask('GET', '/queue');
    expect(queue.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST, GET, DELETE, PUT, OPTIONS, PATCH',
      'access-control-allow-credentials': 'true',
    });
    expect((await ask('OPTIONS', '/anything')).status).toBe(200);
    for (const [method, path] of [
      ['GET', '/nope'],
      ['DELETE', '/queue'],
      ['GET', '/history?max_items=x'],
    ] as const) {
      expect((await ask(method, path)).headers['access-control-allow-origin']).toBeUndefined();
    }
    expect((await ask('GET', '/view?filename=none')).headers['access-control-allow-origin']).toBe('*');
  });

  it('is checked on OPTIONS too without that', async () => {
    bench = await openBench();
    const { status } = await request(bench.engine.url, '/queue', {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example' },
    });
    expect(status).toBe(403);
  });
});

describe('uploads', () => {
  it('refuses a body over the limit while it streams, and leaves nothing behind', async () => {
    bench = await openBench({ maxUploadBytes: 100_000 });
    const answer = await upload('/upload/image', { image: file(Buffer.alloc(3_000_000), 'big.png') });
    expect(answer).toMatchObject({
      status: 413,
      json: expect.stringMatching(/^Maximum request body size 100000 exceeded/),
    });
    expect(await readdir(bench.engine.folders.temp)).toEqual([]);
    expect(await readdir(bench.engine.folders.input)).toEqual([]);
    expect((await bench.get('/features')).json.max_upload_size).toBe(100_000);
  });

  it('puts the alpha of a mask onto the original and keeps its texts', async () => {
    bench = await openBench();
    const original = insertPngText(await red(), [['prompt', '{"a": 1}']]);
    await writeFile(join(bench.engine.folders.output, 'a.png'), original);
    const answer = await upload('/upload/mask', {
      image: file(await red(0.5), 'masked.png'),
      original_ref: JSON.stringify({ filename: 'a.png' }),
    });
    expect(answer.json).toEqual({ name: 'masked.png', subfolder: '', type: 'input' });
    expect((await pixels('/view?filename=masked.png&type=input')).first).toEqual([255, 0, 0, 128]);
    const { body } = await request(bench.engine.url, '/view?filename=masked.png&type=input', {
      method: 'GET',
      headers: {},
    });
    expect(readPngText(body)).toEqual([['prompt', '{"a": 1}']]);
  });

  it('refuses a mask of another size', async () => {
    bench = await openBench();
    await writeFile(join(bench.engine.folders.output, 'a.png'), await red());
    const other = await sharp(await red(0.5))
      .resize(8, 8)
      .png()
      .toBuffer();
    const parts = { image: file(other, 'm.png'), original_ref: JSON.stringify({ filename: 'a.png' }) };
    expect((await upload('/upload/mask', parts)).status).toBe(500);
  });

  it.each([['/etc'], ['../outside'], ['a/../../b']])('keeps subfolder %s inside', async (subfolder) => {
    bench = await openBench();
    const answer = await upload('/upload/image', { image: file(Buffer.from('x'), 'x.txt'), subfolder });
    expect(answer.status).toBe(400);
  });
});

describe('/view', () => {
  it('separates channels', async () => {
    bench = await openBench();
    await writeFile(join(bench.engine.folders.output, 'a.png'), await red(0.5));
    await writeFile(join(bench.engine.folders.output, 'opaque.png'), await red());
    expect((await pixels('/view?filename=a.png&channel=rgb')).first).toEqual([255, 0, 0]);
    expect((await pixels('/view?filename=a.png&channel=a')).first).toEqual([0, 0, 0, 128]);
    expect((await pixels('/view?filename=opaque.png&channel=a')).first).toEqual([0, 0, 0, 255]);
    expect((await pixels('/view?filename=a.png&preview=jpeg;50')).info.format).toBe('raw');
  });

  it('does not render drawings', async () => {
    bench = await openBench();
    await writeFile(
      join(bench.engine.folders.output, 'a.svg'),
      '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>',
    );
    expect((await bench.get('/view?filename=a.svg&preview=webp')).status).toBe(500);
    expect((await bench.get('/view?filename=a.svg')).status).toBe(200);
  });

  it('does not follow a symbolic link out of its folder', async () => {
    bench = await openBench();
    await symlink('/etc/hostname', join(bench.engine.folders.output, 'link.txt'));
    expect((await bench.get('/view?filename=link.txt')).status).toBe(403);
  });
});

describe('prompts', () => {
  it('refuses the prompt that kills the executor of a real server', async () => {
    bench = await openBench();
    const poison = { ...show(1), '2': { class_type: 'Show' } };
    const answer = await bench.post('/prompt', { prompt: poison });
    expect(answer).toMatchObject({ status: 400 });
    const unconnected = { ...show(1), '2': { class_type: 'StubInt' } };
    expect((await bench.post('/prompt', { prompt: unconnected })).json.error).toMatchObject({
      type: 'invalid_prompt',
      details: "Node ID '#2'",
    });
  });

  it('takes literals out of their wrapper, and arrays only in it', async () => {
    bench = await openBench();
    const client = await bench.connect();
    const id = await bench.submit(show({ __value__: [1, 2, 3] }), { client_id: 'me' });
    await client.ended(id);
    const entry = (await bench.get(`/history/${id}`)).json[id];
    expect(entry.outputs['1'].text).toEqual(['1,2,3']);
    expect(entry.prompt[2]['1'].inputs.v).toEqual([1, 2, 3]);
    const { json } = await bench.post('/prompt', { prompt: show([1, 2, 3]) });
    expect(json.node_errors['1'].errors[0].type).toBe('bad_linked_input');
  });

  it('keeps a 64-bit seed to the last digit', async () => {
    bench = await openBench();
    const body =
      '{"prompt": {"1": {"class_type": "Show", "inputs": {"v": 18446744073709551615}}}, "client_id": "me", "prompt_id": "big"}';
    const client = await bench.connect();
    await bench.post('/prompt', body);
    await client.ended('big');
    const { body: text } = await request(bench.engine.url, '/history/big', { method: 'GET', headers: {} });
    expect(text.toString()).toContain('"v": 18446744073709551615');
  });

  it('lists every class, and in /object_info/{class} only one', async () => {
    bench = await openBench();
    const all = (await bench.get('/object_info')).json;
    expect(Object.keys(all)).toContain('TestSleep');
    expect((await bench.get('/api/object_info/Show')).json).toEqual({ Show: all['Show'] });
  });
});

describe('user data', () => {
  it('stores, lists, moves and removes files, all inside the folder of the user', async () => {
    bench = await openBench();
    const path = '/userdata/workflows%2Fa.json';
    expect((await bench.post(path, { nodes: [] })).json).toBe('"workflows/a.json"'.slice(1, -1));
    expect((await bench.get(path)).json).toEqual({ nodes: [] });
    expect((await bench.post(`${path}?overwrite=false`, {})).status).toBe(409);
    expect((await bench.get('/userdata?dir=workflows')).json).toEqual(['a.json']);
    expect((await bench.get('/userdata?dir=workflows&full_info=true')).json[0]).toMatchObject({
      path: 'a.json',
      size: 12,
    });
    expect((await bench.post(`${path}/move/b.json`, '')).json).toBe('b.json');
    expect((await bench.get(path)).status).toBe(404);
    const removed = await request(bench.engine.url, '/userdata/b.json', { method: 'DELETE', headers: {} });
    expect(removed.status).toBe(204);
    expect((await bench.get('/userdata/..%2F..%2Fetc%2Fpasswd')).status).toBe(403);
    expect((await bench.get('/userdata?dir=../..')).status).toBe(403);
    expect((await bench.get('/userdata')).status).toBe(400);
  });

  it('merges settings and survives a restart', async () => {
    bench = await openBench();
    await bench.post('/settings', { a: 1, b: 'x' });
    await bench.post('/settings/c', [true]);
    await bench.engine.restart();
    expect((await bench.get('/settings')).json).toEqual({ a: 1, b: 'x', c: [true] });
    expect((await bench.get('/settings/none')).json).toBe('null');
  });
});
