import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { probeSocket, request } from './engine-client.js';
import type { RecordedEvent } from './engine-recording.js';
import type { ReplayContext } from './engine-replay.js';
import { picture } from './engine-requests.js';

/**
 * What the recorder did without recording it as an event: its notes tell. Files it changed on the server's disk, sockets
 * it opened only to see the handshake, requests of which it kept a summary.
 */
export async function runNote(event: RecordedEvent, replay: ReplayContext): Promise<void> {
  const note = event.note ?? '';
  const { scenario } = replay.recording;
  if (scenario.startsWith('23-')) return compareHandshake(event, replay);
  if (scenario.startsWith('24-')) return changeFile(note, replay);
  if (event['idx'] !== undefined) return compareHistoryKeys(event, replay);
  if (event['list'] !== undefined) return compareUploadList(event, replay);
  if (event['im'] !== undefined) return untilIdle(replay.url);
  if (note === '5 MiB text message') replay.sockets.get('big')!.webSocket.send('x'.repeat(5 * 1024 * 1024));
  if (note === 'ping') replay.sockets.get('late-ff')!.webSocket.ping();
}

/** The recorder waited for the end of the run without recording how. */
export async function untilIdle(url: string): Promise<void> {
  for (;;) {
    const { body } = await request(url, '/prompt', { method: 'GET', headers: {} });
    const { exec_info } = JSON.parse(body.toString()) as { exec_info: { queue_remaining: number } };
    if (exec_info.queue_remaining === 0) return;
  }
}

async function changeFile(note: string, { engine }: ReplayContext): Promise<void> {
  const path = join(engine.folders.input, 'chg.png');
  if (note.startsWith('file bytes changed')) await writeFile(path, await picture(201));
  if (note.startsWith('only mtime changed')) await utimes(path, new Date(), new Date(Date.now() + 60_000));
}

const HANDSHAKES: Readonly<Record<string, { path: string; origin?: string; deflate?: boolean; protocol?: string }>> = {
  '/api/ws': { path: '/api/ws?clientId=abc' },
  'evil Origin': { path: '/ws?clientId=abc', origin: 'http://evil.example' },
  'own Origin': { path: '/ws?clientId=abc', origin: 'http://127.0.0.1' },
  'localhost Origin to 127.0.0.1 Host': { path: '/ws?clientId=abc', origin: 'http://localhost' },
  'no deflate': { path: '/ws?clientId=abc', deflate: false },
  'clientId with slashes and unicode': { path: `/ws?clientId=${encodeURIComponent('a/b 图')}` },
  'clientId twice': { path: '/ws?clientId=one&clientId=two' },
  'clientid lower case': { path: '/ws?clientid=abc' },
  subprotocol: { path: '/ws?clientId=x', protocol: 'x' },
};

async function compareHandshake(event: RecordedEvent, { matcher, report, url }: ReplayContext): Promise<void> {
  const probe = HANDSHAKES[event.note!];
  if (!probe) throw new Error(`Unknown handshake in the recording: ${event.note}`);
  const { port } = new URL(url);
  const outcome = await probeSocket(`${url.replace('http', 'ws')}${probe.path}`, {
    perMessageDeflate: probe.deflate ?? true,
    headers: {
      ...(probe.origin ? { Origin: `${probe.origin}${probe.origin.includes('evil') ? '' : `:${port}`}` } : {}),
      ...(probe.protocol ? { 'Sec-WebSocket-Protocol': probe.protocol } : {}),
    },
  });
  const recordedFirst = (event['got'] as string[] | undefined)?.[0];
  const recorded = {
    status: event.status,
    extensions: event['extensions'],
    first: recordedFirst && JSON.parse(recordedFirst),
  };
  const actual = { ...outcome, first: outcome.first && JSON.parse(outcome.first) };
  for (const key of ['status', 'extensions', 'first'] as const) {
    report(`handshake ${event.note}`, matcher.compare(recorded[key], actual[key], key));
  }
  // The socket that was just closed must not be the one that the next probe finds.
  await pause(5);
}

/** `GET /history?… -> keys`: how many entries, and where the last three prompts are among them. */
async function compareHistoryKeys(
  event: RecordedEvent,
  { matcher, recording, report, url }: ReplayContext,
): Promise<void> {
  await untilIdle(url);
  const path = /^GET (\S+)/.exec(event.note!)![1]!;
  const { body, status } = await request(url, path, { method: 'GET', headers: {} });
  const text = body.toString('utf8');
  const ids = recording.events.flatMap(({ k, json }) => {
    const id = k === 'http<' ? (json as { prompt_id?: string } | undefined)?.prompt_id : undefined;
    return id === undefined ? [] : [matcher.translate(id)];
  });
  const keys = status === 200 ? Object.keys(JSON.parse(text) as object) : null;
  const actual = keys ? { total: keys.length, idx: ids.map((id) => keys.indexOf(id)) } : { total: text, idx: null };
  report(path, matcher.compare({ total: event['total'], idx: event['idx'] }, actual));
}

/** The files that LoadImage offers after the uploads. */
async function compareUploadList(event: RecordedEvent, { matcher, report, url }: ReplayContext): Promise<void> {
  const { body } = await request(url, '/object_info/LoadImage', { method: 'GET', headers: {} });
  const info = JSON.parse(body.toString('utf8')) as { LoadImage: { input: { required: { image: [string[]] } } } };
  const offered = info.LoadImage.input.required.image[0].filter((name) => !/^(?:corrupt|chg)\.png$/.test(name));
  const recorded = (event['list'] as string[]).filter((name) => !name.endsWith('.txt'));
  report('object_info/LoadImage', matcher.compare([...recorded].sort(), [...offered].sort()));
}
