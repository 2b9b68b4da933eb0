import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { census, leakedSince } from '../../test/helpers/leaks.js';
import { parseLossless } from '../core/json.js';
import { Latch, VirtualClock } from '../testing/index.js';
import { mayHaveBeenAccepted } from './failures.js';
import { ComfyUiHttp } from './http.js';
import type { TransportOptions } from './transport.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(handler: Handler): Promise<{ readonly url: string; readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => void handler(request, response));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

function client(url: string, options: Partial<TransportOptions> = {}): ComfyUiHttp {
  const http = new ComfyUiHttp({ baseUrl: url, ...options });
  closers.push(() => http.close());
  return http;
}

const answer =
  (body: unknown, status = 200, type = 'application/json'): Handler =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': type });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const graph = { '1': { class_type: 'KSampler', inputs: { seed: 18446744073709551615n, cfg: 8.5 } } };

async function failure(work: Promise<unknown>) {
  return work.then(
    (value) => {
      throw new Error(`It did not fail: ${JSON.stringify(value)}`);
    },
    (error) => error,
  );
}

describe('POST /prompt', () => {
  it('sends seeds to the last digit, and nothing that it was not given', async () => {
    let posted = '';
    const { url } = await serve(async (request, response) => {
      posted = await text(request);
      answer({ prompt_id: 'p', number: 3, node_errors: {} })(request, response);
    });
    const result = await client(url).submitPrompt({ graph, promptId: 'p', clientId: 'c' });
    expect(result).toEqual({ kind: 'queued', promptId: 'p', number: 3, nodeErrors: {} });
    expect(posted).toContain('18446744073709551615');
    expect(parseLossless(posted)).toEqual({ prompt: graph, client_id: 'c', prompt_id: 'p' });
  });

  it('sends the workflow and the options', async () => {
    let posted: unknown;
    const { url } = await serve(async (request, response) => {
      posted = JSON.parse(await text(request));
      answer({ prompt_id: 'p', number: Number.MAX_VALUE, node_errors: [] })(request, response);
    });
    await client(url).submitPrompt({
      graph: {},
      workflow: { nodes: [] },
      extraData: { preview_method: 'none' },
      front: true,
      number: -1,
      partialExecutionTargets: ['9'],
    });
    expect(posted).toEqual({
      prompt: {},
      front: true,
      number: -1,
      partial_execution_targets: ['9'],
      extra_data: { preview_method: 'none', extra_pnginfo: { workflow: { nodes: [] } } },
    });
  });

  it('returns a refusal with its reasons', async () => {
    const error = { type: 'prompt_no_outputs', message: 'Prompt has no outputs', details: '', extra_info: {} };
    const { url } = await serve(answer({ error, node_errors: [] }, 400));
    expect(await client(url).submitPrompt({ graph })).toEqual({ kind: 'rejected', error, nodeErrors: {} });
  });

  it('knows that a refused connection cannot have accepted anything', async () => {
    const { url } = await serve(answer({}));
    await closers.pop()?.();
    const error = await failure(client(url).submitPrompt({ graph }));
    expect(error).toMatchObject({ code: 'backend_unreachable', retryable: true, details: { requestSent: false } });
    expect(mayHaveBeenAccepted(error)).toBe(false);
  });

  it('knows that a connection that broke after the request may have accepted it', async () => {
    const { url } = await serve((request) => {
      request.resume();
      request.on('end', () => request.socket.destroy());
    });
    const error = await failure(client(url).submitPrompt({ graph }));
    expect(error).toMatchObject({ code: 'backend_unreachable', details: { requestSent: true } });
    expect(mayHaveBeenAccepted(error)).toBe(true);
  });

  it('gives up after the time limit, and says that it does not know', async () => {
    const clock = new VirtualClock();
    const received = new Latch();
    const { url } = await serve(async (request) => {
      request.resume();
      await received.pass();
    });
    const work = failure(client(url, { clock, requestTimeoutMs: 5_000 }).submitPrompt({ graph }));
    await received.reached;
    await clock.advance(5_000);
    const error = await work;
    expect(error).toMatchObject({ code: 'backend_unreachable', details: { requestSent: true, timeoutMs: 5_000 } });
    expect(mayHaveBeenAccepted(error)).toBe(true);
    expect(clock.pending).toBe(0);
    received.open();
  });

  it('is not sent at all when its signal has already ended', async () => {
    let requests = 0;
    const { url } = await serve((request, response) => {
      requests += 1;
      answer({})(request, response);
    });
    const error = await failure(client(url).submitPrompt({ graph }, { signal: AbortSignal.abort('enough') }));
    expect(error).toMatchObject({ code: 'cancelled', details: { requestSent: false } });
    expect(requests).toBe(0);
  });
});

describe('a server that is not ComfyUI', () => {
  it.each([
    ['a web page', answer('<!doctype html><h1>nginx</h1>', 200, 'text/html')],
    ['another API', answer({ hello: 'world' })],
    ['text', answer('hello', 200, 'text/plain')],
    ['nothing there', answer('404 page not found', 404, 'text/plain')],
  ])('%s', async (_name, handler) => {
    const { url } = await serve(handler);
    const http = client(url);
    expect(await failure(http.queueRemaining())).toMatchObject({ code: 'backend_not_comfyui', retryable: false });
    expect(await failure(http.queue())).toMatchObject({ code: 'backend_not_comfyui' });
    expect(await failure(http.submitPrompt({ graph }))).toMatchObject({ code: 'backend_not_comfyui' });
  });

  it('an SSH server', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH_9.2\r\n', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const error = await failure(client(`http://127.0.0.1:${port}`).queueRemaining());
    expect(error).toMatchObject({ code: 'backend_not_comfyui' });
  });

  it('speaks plain HTTP where https was said', async () => {
    const { port } = await serve(answer({}));
    const error = await failure(client(`https://127.0.0.1:${port}`).queueRemaining());
    expect(error).toMatchObject({ code: 'backend_unreachable', retryable: false });
    expect(error.hint).toContain('http instead of https');
  });
});

describe('secrets', () => {
  it('reach the server and no error', async () => {
    let seen: IncomingMessage | null = null;
    const { url } = await serve((request, response) => {
      seen = request;
      answer('no', 500, 'text/plain')(request, response);
    });
    const secretUrl = url.replace('http://', 'http://user:hunter2@').concat('/comfy?token=hunter3');
    const error = await failure(client(secretUrl, { headers: { 'x-key': 'hunter4' } }).queueRemaining());
    expect(seen).toMatchObject({ url: '/comfy/prompt?token=hunter3' });
    expect(`${error.stack}${JSON.stringify(error.toInfo())}`).not.toContain('hunter');
  });
});

describe('the other routes', () => {
  it('sorts the queue into execution order and tolerates what it does not know', async () => {
    const item = (number: unknown, id: unknown) => [number, id, {}, {}, [], 'a sixth'];
    const { url } = await serve(
      answer(
        '{"queue_running":[[1,"r",{},{},[]]],"queue_pending":[[5,"b",{},{},[]],[Infinity,"z",{},{},[]],[5,"a",{},{},[]],[-3,7,null,[],[]]],"new":1}',
      ),
    );
    const queue = await client(url).queue();
    expect(item(1, 'x')).toHaveLength(6);
    expect(queue.running.map((one) => one.promptId)).toEqual(['r']);
    expect(queue.pending.map((one) => one.promptId)).toEqual(['7', 'a', 'b', 'z']);
  });

  it('reads a history entry with NaN, and knows an absent one', async () => {
    const { url } = await serve((request, response) => {
      const known = request.url === '/history/a%2Fb';
      answer(known ? '{"a/b":{"prompt":[1,"a/b",{"1":{"inputs":{"x":NaN}}}],"outputs":{},"status":null}}' : '{}')(
        request,
        response,
      );
    });
    const http = client(url);
    expect(await http.historyEntry('a/b')).toMatchObject({ status: null, meta: {} });
    expect(await http.historyEntry('other')).toBeNull();
  });

  it('has no jobs on an old server', async () => {
    const { url } = await serve(answer('404: Not Found', 404, 'text/plain'));
    const http = client(url);
    expect(await http.jobs()).toBeNull();
    expect(await http.job('x')).toBeNull();
    expect(await http.features()).toBeNull();
    expect(await http.modelsIn('nope')).toBeNull();
    expect(await http.userFile('workflows/a.json')).toBeNull();
  });

  it('encodes the slashes of user files, and reports a file that exists', async () => {
    const paths: (string | undefined)[] = [];
    const { url } = await serve((request, response) => {
      paths.push(request.url);
      answer('"x"', request.url?.includes('overwrite=false') ? 409 : 200)(request, response);
    });
    const http = client(url);
    expect(await http.putUserFile('workflows/a b.json', '{}')).toBe(true);
    expect(await http.putUserFile('workflows/a b.json', '{}', { overwrite: false })).toBe(false);
    expect(paths[0]).toBe('/userdata/workflows%2Fa%20b.json?overwrite=true');
  });

  it('reads answers from which everything that may be missing is missing', async () => {
    const { url } = await serve(answer({ system: {}, prompt_id: 7, jobs: [{ id: 'x', status: 'pending' }] }));
    const http = client(url);
    expect(await http.systemStats()).toMatchObject({ system: { comfyui_version: null }, devices: [] });
    expect(await http.features()).toMatchObject({ max_upload_size: null });
    expect(await http.submitPrompt({ graph })).toEqual({ kind: 'queued', promptId: '7', number: null, nodeErrors: {} });
    expect((await http.jobs())?.jobs[0]).toMatchObject({ id: 'x', priority: null });
  });

  it('leaves out node classes whose description makes no sense', async () => {
    const good = { input: { required: {} }, output: ['IMAGE'], name: 'Good' };
    const { url } = await serve(answer({ Good: good, Bad: null, Worse: { input: 5 } }));
    expect(Object.keys(await client(url).objectInfo())).toEqual(['Good']);
  });

  it('refuses an answer that is larger than the limit', async () => {
    const { url } = await serve(answer({ exec_info: { queue_remaining: 0 }, padding: 'x'.repeat(5_000) }));
    expect(await failure(client(url, { maxResponseBytes: 1_000 }).queueRemaining())).toMatchObject({
      code: 'backend_protocol',
    });
  });
});

describe('files', () => {
  it('streams a file, with a media type that is safe to repeat', async () => {
    const bytes = Buffer.alloc(300_000, 7);
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'Image/PNG; charset=x', 'content-length': bytes.length });
      response.end(bytes);
    });
    const file = await client(url).view({ filename: 'a.png', subfolder: 'x' });
    expect(file).toMatchObject({ contentType: 'image/png', contentLength: bytes.length, partial: false });
    expect((await buffer(file?.stream as Readable)).equals(bytes)).toBe(true);
  });

  it('asks for a range', async () => {
    let range: string | undefined;
    const { url } = await serve((request, response) => {
      range = request.headers.range;
      response.writeHead(206, { 'content-type': '<script>' }).end('x');
    });
    const file = await client(url).view({ filename: 'a', range: { start: 5 } });
    expect(range).toBe('bytes=5-');
    expect(file).toMatchObject({ partial: true, contentType: 'application/octet-stream' });
    await text(file?.stream as Readable);
  });

  it.each([400, 403, 404])('has no file when the server answers %i', async (status) => {
    const { url } = await serve(answer('', status, 'text/plain'));
    expect(await client(url).view({ filename: 'a' })).toBeNull();
  });

  it('turns a broken stream into an error of the catalogue', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('only this', () => response.destroy());
    });
    const file = await client(url).view({ filename: 'a' });
    expect(await failure(buffer(file?.stream as Readable))).toMatchObject({ code: 'backend_unreachable' });
  });

  it('ends a stream with its signal, with the code of the reason, and lets go of the connection', async () => {
    const closed = new Latch();
    const { url } = await serve((_request, response) => {
      response.on('close', () => closed.open());
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('beginning');
    });
    const stop = new AbortController();
    const file = await client(url).view({ filename: 'a', signal: stop.signal });
    const reading = failure(buffer(file?.stream as Readable));
    stop.abort();
    expect(await reading).toMatchObject({ code: 'cancelled' });
    await closed.pass();
  });

  it('lets go of the connection of a stream that nobody reads', async () => {
    const closed = new Latch();
    const { url } = await serve((_request, response) => {
      response.on('close', () => closed.open());
      response.writeHead(200, { 'content-length': 10_000_000 });
      response.write(Buffer.alloc(100_000));
    });
    const file = await client(url).view({ filename: 'a' });
    file?.stream.destroy();
    await closed.pass();
  });

  const file = (bytes: Buffer, more: object = {}) => ({
    filename: 'a-1_b.png',
    contentType: 'image/png',
    bytes: bytes.length,
    stream: Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]),
    ...more,
  });

  it('sends the id of the request along where there is one', async () => {
    const ids: unknown[] = [];
    const { url } = await serve((request, response) => {
      ids.push(request.headers['x-request-id']);
      answer({ prompt_id: 'p', number: 1, node_errors: {} })(request, response);
    });
    await client(url).submitPrompt({ graph: {} }, { requestId: 'mine' });
    await client(url).submitPrompt({ graph: {} });
    expect(ids).toEqual(['mine', undefined]);
  });

  it('uploads a file as a stream of known length', async () => {
    let seen: { headers: IncomingMessage['headers']; body: Buffer } | null = null;
    const { url } = await serve(async (request, response) => {
      seen = { headers: request.headers, body: await buffer(request) };
      answer({ name: 'a (1).png', subfolder: 'easel', type: 'input', asset: {} })(request, response);
    });
    const bytes = Buffer.alloc(100_000, 65);
    const stored = await client(url).uploadImage({ ...file(bytes), subfolder: 'easel', overwrite: true });
    expect(stored).toMatchObject({ name: 'a (1).png', subfolder: 'easel', type: 'input' });
    const { headers, body } = seen as unknown as { headers: IncomingMessage['headers']; body: Buffer };
    expect(headers['content-length']).toBe(String(body.length));
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type'] ?? '' },
    }).formData();
    expect(form.get('subfolder')).toBe('easel');
    expect(form.get('overwrite')).toBe('true');
    const part = form.get('image') as File;
    expect(part.name).toBe('a-1_b.png');
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it.each(['../x.png', 'a..b.png', '.hidden', 'sub/x.png', 'a b.png', 'ü.png', '', 'x'.repeat(201)])(
    'refuses the file name %s',
    async (filename) => {
      const error = await failure(client('http://127.0.0.1:9').uploadImage(file(Buffer.alloc(20), { filename })));
      expect(error.code).toBe('request_invalid');
    },
  );

  it.each([5, 50])('fails when the file has another length than announced (%i)', async (bytes) => {
    const { url } = await serve((request) => void request.resume());
    const error = await failure(client(url).uploadImage({ ...file(Buffer.alloc(20)), bytes }));
    expect(error).toMatchObject({ code: 'file_unreadable' });
  });

  it('closes the file when the server cannot be reached', async () => {
    const { url } = await serve(answer({}));
    await closers.pop()?.();
    const request = file(Buffer.alloc(20));
    const closed = new Promise((resolve) => request.stream.once('close', resolve));
    expect(await failure(client(url).uploadImage(request))).toMatchObject({ details: { requestSent: false } });
    await closed;
  });
});

describe('closing', () => {
  it('ends what is under way and leaves nothing open', async () => {
    const received = new Latch();
    const { url } = await serve(async (request) => {
      request.resume();
      await received.pass();
    });
    const before = census();
    const http = new ComfyUiHttp({ baseUrl: url });
    const work = failure(http.queueRemaining());
    await received.reached;
    await http.close();
    expect(await work).toMatchObject({ code: 'backend_unreachable' });
    received.open();
    expect(await leakedSince(before)).toEqual([]);
  });
});
