import { setTimeout as pause } from 'node:timers/promises';
import type { EmbeddedEngine } from '../../src/embedded/index.js';
import type { VirtualClock } from '../../src/testing/clock.js';
import { compareAnswers, describeFrame, readJson, recordedFrame, recordedJson } from './engine-answers.js';
import { type Answer, request, Socket } from './engine-client.js';
import { brokenRunOrder, comparable, type Frame, isSleepingGraph, segments } from './engine-frames.js';
import { Matcher } from './engine-match.js';
import { runNote, untilIdle } from './engine-notes.js';
import type { RecordedEvent, Recording } from './engine-recording.js';
import { requestBody, Uploads } from './engine-requests.js';

/** How long the engine has, in real time, to produce a frame that the recording shows. */
const FRAME_PATIENCE_MS = 10_000;
/** Once something is missing, every later wait would be in vain too. */
const SHORT_PATIENCE_MS = 60;
/** Without anything new for so long, the engine waits for the clock. */
const IDLE_MS = 8;

export interface ReplayContext {
  readonly recording: Recording;
  readonly engine: EmbeddedEngine;
  readonly url: string;
  readonly clock: VirtualClock;
  readonly matcher: Matcher;
  readonly sockets: ReadonlyMap<string, Socket>;
  report(where: string, differences: readonly string[]): void;
}

/**
 * Plays a recorded session against the engine. Requests go out in the recorded order, each after the frames and answers
 * that preceded it; the clock follows the recorded times, so sleeping nodes sleep as long as they did without anybody
 * waiting for them. Returns the differences.
 */
export class Replay implements ReplayContext {
  readonly recording: Recording;
  readonly engine: EmbeddedEngine;
  readonly url: string;
  readonly clock: VirtualClock;
  readonly matcher = new Matcher();
  readonly sockets = new Map<string, Socket>();
  readonly #recordedFrames = new Map<string, Frame[]>();
  readonly #sleepingRecorded = new Set<string>();
  readonly #sleepingActual = new Set<string>();
  readonly #differences: string[] = [];
  readonly #uploads = new Uploads();
  /** Headers of the last answers, recorded and actual, by recorded path: for conditional requests. */
  readonly #lastHeaders = new Map<string, readonly [recorded: Answer['headers'], actual: Answer['headers']]>();
  readonly #startMs: number;
  #note = '';
  /** What the recorder noted before it sent a prompt, by the prompt's id. */
  readonly #noteOf = new Map<string, string>();
  #answer: Answer | null = null;
  #isImpatient = false;

  constructor(recording: Recording, engine: EmbeddedEngine, clock: VirtualClock) {
    this.recording = recording;
    this.engine = engine;
    this.url = engine.url;
    this.clock = clock;
    this.#startMs = clock.now();
    this.#findSleepingPrompts();
  }

  async run(): Promise<string[]> {
    const { events } = this.recording;
    try {
      await this.#openUnrecordedSocket();
      for (const [index, event] of events.entries()) await this.#step(event, index);
      this.#compareSockets();
    } finally {
      for (const socket of this.sockets.values()) socket.webSocket.terminate();
    }
    return this.#differences;
  }

  readonly report = (where: string, differences: readonly string[]): void => {
    for (const difference of differences) this.#differences.push(`${where}: ${difference}`);
  };

  async #step(event: RecordedEvent, index: number): Promise<void> {
    switch (event.k) {
      case 'note':
        this.#note = event.note ?? '';
        await runNote(event, this);
        return;
      case 'ws-open':
        await this.#advanceTo(event.t);
        if (this.#findsIdleServer(event, index)) await untilIdle(this.url);
        await this.#open(event, index);
        return;
      case 'ws>':
        this.sockets.get(event.sock!)!.webSocket.send(event.text!);
        return;
      case 'ws<':
      case 'ws<raw':
        this.#recordFrame(event);
        await this.#awaitFrames(event.sock!);
        this.#learnSocketId(event);
        return;
      case 'ws-pong':
        await this.#until(() => (this.sockets.get(event.sock!)?.pongs ?? 0) > 0);
        return;
      case 'ws-close':
        if (!this.#isShutdown) await this.#advanceTo(event.t);
        await this.#close(event);
        return;
      case 'http>':
        await this.#advanceTo(event.t);
        if (this.sockets.size === 0) await this.#quiesce();
        await this.#send(event);
        if (/^\/history\/./.test(event.path!)) await this.#askAgain(event, index);
        return;
      case 'http<':
        this.#compareAnswer(event);
    }
  }

  // ---- time

  /** Moves the clock to the recorded time. Whatever sleeps until then is given turns to act in between. */
  async #advanceTo(t: number): Promise<void> {
    const target = this.#startMs + t;
    for (;;) {
      const due = this.clock.nextDueAt;
      if (due === null || due > target) break;
      await this.clock.advanceToNext();
      await this.#settle();
    }
    if (this.clock.now() < target) await this.clock.advance(target - this.clock.now());
  }

  /** Without sockets there are no frames to wait for: until the engine is idle, or waits for the clock itself. */
  async #quiesce(): Promise<void> {
    await this.#until(() => this.engine.counts.queued === 0 || this.clock.pending > 0);
  }

  async #awaitFrames(name: string): Promise<void> {
    const expected = comparable(this.#recordedFrames.get(name)!, this.#sleepingRecorded);
    const { frames } = this.sockets.get(name)!;
    await this.#until(() => {
      const { others, statuses } = comparable(frames, this.#sleepingActual);
      return others.length >= expected.others.length && statuses.length >= expected.statuses.length;
    });
  }

  async #until(condition: () => boolean): Promise<void> {
    const patience = this.#isImpatient ? SHORT_PATIENCE_MS : FRAME_PATIENCE_MS;
    const deadline = performance.now() + patience;
    while (!condition()) {
      if (performance.now() > deadline) {
        // The missing frame is reported when the sockets are compared.
        this.#isImpatient = true;
        return;
      }
      await this.#settle(condition);
      if (!condition() && this.clock.nextDueAt !== null) await this.clock.advanceToNext();
    }
  }

  /** Waits until nothing new has come in for a moment, or the condition holds. */
  async #settle(condition: () => boolean = () => false): Promise<void> {
    let seen = -1;
    while (!condition() && seen !== this.#frameCount()) {
      seen = this.#frameCount();
      await pause(IDLE_MS);
    }
  }

  #frameCount(): number {
    return [...this.sockets.values()].reduce((sum, { frames }) => sum + frames.length, 0);
  }

  // ---- sockets

  async #open(event: RecordedEvent, index: number): Promise<void> {
    const path = event.url!.replace(/^ws:\/\/[^/]+/, '');
    // A socket that the recorder cut right before is seen closing only after this one opened.
    const soon = this.recording.events.slice(index + 1, index + 8);
    for (const closing of soon.filter(({ k, code }) => k === 'ws-close' && code === 1006)) {
      const isOwn = this.#openEvent(closing.sock!)?.url === event.url;
      if (isOwn && closing.sock !== event.sock) await this.#close(closing);
    }
    const socket = new Socket(this.url.replace('http', 'ws') + this.matcher.translate(path));
    this.sockets.set(event.sock!, socket);
    this.#recordedFrames.set(event.sock!, []);
    await socket.opened();
  }

  /** The recorded server had finished by the time this socket opened, its first frame says. */
  #findsIdleServer(event: RecordedEvent, index: number): boolean {
    const first = this.recording.events.slice(index).find(({ k, sock }) => k === 'ws<' && sock === event.sock);
    return JSON.stringify(first?.msg ?? {}).includes('"queue_remaining":0');
  }

  /** In these recordings the server was stopped in the middle of a run. */
  get #isShutdown(): boolean {
    return this.recording.scenario.startsWith('25-');
  }

  /** A socket without a client id is given one, which later requests use. */
  #learnSocketId(event: RecordedEvent): void {
    const frame = recordedFrame(event);
    const first = this.sockets.get(event.sock!)?.frames[0];
    if (frame.kind !== 'message' || first?.kind !== 'message') return;
    const { sid } = frame.message.data;
    if (typeof sid === 'string') this.matcher.compare(sid, first.message.data['sid'], 'sid');
  }

  #openEvent(name: string): RecordedEvent | undefined {
    return this.recording.events.find((event) => event.k === 'ws-open' && event.sock === name);
  }

  /** Some recordings begin with a socket that is already open; its first frame tells the id. */
  async #openUnrecordedSocket(): Promise<void> {
    const first = this.recording.events.find(({ k }) => k === 'ws<raw');
    if (!first) return;
    const sid = (JSON.parse(first.text!) as { data: { sid: string } }).data.sid;
    await this.#open({ t: 0, k: 'ws-open', sock: first.sock!, url: `ws://x/ws?clientId=${sid}` }, -1);
  }

  async #close(event: RecordedEvent): Promise<void> {
    const socket = this.sockets.get(event.sock!);
    if (!socket || socket.closeCode !== null) return;
    if (this.#isShutdown) await this.engine.close();
    else if (event.code === 1000) socket.webSocket.close(1000);
    else if (event.code === 1006) socket.webSocket.terminate();
    await this.#until(() => socket.closeCode !== null);
    if (socket.closeCode !== event.code) {
      this.report(`socket ${event.sock}`, [`close code: recorded ${event.code}, engine ${socket.closeCode}`]);
    }
    // The server takes note of a closed connection a moment later.
    await pause(IDLE_MS);
  }

  #recordFrame(event: RecordedEvent): void {
    this.#recordedFrames.get(event.sock!)!.push(recordedFrame(event));
  }

  #compareSockets(): void {
    for (const [name, frames] of this.#recordedFrames) {
      const { frames: ownFrames } = this.sockets.get(name)!;
      const recorded = comparable(frames, this.#sleepingRecorded);
      const actual = comparable(ownFrames, this.#sleepingActual);
      this.#compareRuns(name, recorded.others, actual.others);
      if (this.recording.scenario.startsWith('18-')) this.#compareRacingStatuses(name, actual.statuses);
      else this.#compareFrames(`socket ${name} status`, recorded.statuses, actual.statuses);
      this.report(`socket ${name}`, brokenRunOrder(ownFrames));
    }
  }

  #compareRuns(name: string, recorded: readonly Frame[], actual: readonly Frame[]): void {
    const [recordedRuns, actualRuns] = [segments(recorded), segments(actual)];
    if (recordedRuns.length !== actualRuns.length && !this.#endsEarly) {
      this.report(`socket ${name}`, [`runs: recorded ${recordedRuns.length}, engine ${actualRuns.length}`]);
    }
    for (const [index, run] of recordedRuns.entries()) {
      const where = `[${this.#noteOf.get(run.promptId) ?? ''}] socket ${name} run ${index}`;
      this.#compareFrames(where, run.frames, actualRuns[index]?.frames ?? []);
    }
  }

  #compareFrames(where: string, recorded: readonly Frame[], actual: readonly Frame[]): void {
    const length = this.#endsEarly ? recorded.length : Math.max(recorded.length, actual.length);
    for (let index = 0; index < length; index++) {
      const differences = this.#compareFrame(recorded[index], actual[index]);
      this.report(`${where} frame ${index}`, differences);
      // After a missing or extra frame every later one would differ too.
      if (differences.some((difference) => /^(frame|type)/.test(difference))) return;
    }
  }

  /** The recorder cut its sockets right after a submit, in the middle of the run. */
  get #endsEarly(): boolean {
    const { events } = this.recording;
    const answered = events.findLast(({ k, path, status }) => k === 'http<' && path === '/prompt' && status === 200);
    return answered !== undefined && events.at(-1)!.t - answered.t < 50;
  }

  /** Five submits race with the runs, so the numbers differ from recording to recording: only their steps count. */
  #compareRacingStatuses(name: string, statuses: readonly Frame[]): void {
    const numbers = statuses.map((frame) => {
      if (frame.kind !== 'message') return Number.NaN;
      return (frame.message.data['status'] as { exec_info: { queue_remaining: number } }).exec_info.queue_remaining;
    });
    const isSteady = numbers.every((value, index) => index === 0 || Math.abs(value - numbers[index - 1]!) <= 1);
    const isWhole = numbers[0] === 0 && numbers.at(-1) === 0 && numbers.length === 1 + 3 * 5;
    if (!isSteady || !isWhole) this.report(`socket ${name} status`, [`statuses: ${numbers.join(' ')}`]);
  }

  #compareFrame(recorded: Frame | undefined, actual: Frame | undefined): string[] {
    if (recorded?.kind === 'message' && actual?.kind === 'message') {
      const { message } = recorded;
      if (message.type !== actual.message.type) {
        return [`type: recorded ${describeFrame(recorded)}, engine ${describeFrame(actual)}`];
      }
      return this.matcher.compare(message.data, actual.message.data, message.type);
    }
    if (recorded?.kind === 'binary' && actual?.kind === 'binary') return this.#compareBinary(recorded.hex, actual.hex);
    return [`frame: recorded ${describeFrame(recorded)}, engine ${describeFrame(actual)}`];
  }

  /** Event number and format; for pictures the header of the PNG, for metadata the beginning of its JSON. */
  #compareBinary(recorded: string, actual: string): string[] {
    const event = Number.parseInt(recorded.slice(0, 8), 16);
    if (event === 3) return recorded === actual.slice(0, recorded.length) ? [] : ['binary: other text'];
    const compared = event === 4 ? 16 : 2 * (8 + 33);
    return recorded.slice(0, compared) === actual.slice(0, compared)
      ? []
      : [`binary: recorded ${recorded}, engine ${actual}`];
  }

  // ---- requests

  #findSleepingPrompts(): void {
    let isSleeping = false;
    for (const event of this.recording.events) {
      if (event.k === 'http>' && event.path?.endsWith('/prompt')) isSleeping = isSleepingGraph(event.body);
      const id = event.k === 'http<' ? (event.json as { prompt_id?: string } | undefined)?.prompt_id : undefined;
      if (id !== undefined && isSleeping) this.#sleepingRecorded.add(id);
    }
  }

  async #send(event: RecordedEvent): Promise<void> {
    const path = this.matcher.translate(event.path!);
    const { body, headers } = await requestBody(event, this.#uploads, this.#note);
    const translated =
      body && event.headers?.['Content-Type']?.startsWith('multipart')
        ? body
        : body && Buffer.from(this.matcher.translate(body.toString('utf8')));
    this.#answer = await request(this.url, path.replace(/[^!-~]/g, encodeURIComponent), {
      method: event.method!,
      headers: this.#translateHeaders(event, headers),
      ...(translated === undefined ? {} : { body: translated }),
    });
    if (event.method === 'POST' && event.path?.endsWith('/prompt') && isSleepingGraph(event.body)) {
      const id = (readJson(this.#answer.body) as { prompt_id?: string } | undefined)?.prompt_id;
      if (id !== undefined) this.#sleepingActual.add(id);
    }
  }

  /** A history entry that the recorded server had already may take a moment longer here. */
  async #askAgain(event: RecordedEvent, index: number): Promise<void> {
    const recorded = this.recording.events.slice(index).find(({ k }) => k === 'http<');
    const isThere = Object.keys((recordedJson(recorded!) ?? {}) as object).length > 0;
    const deadline = performance.now() + FRAME_PATIENCE_MS;
    while (isThere && this.#answer?.body.toString() === '{}' && performance.now() < deadline) {
      await this.#settle();
      if (this.clock.nextDueAt !== null) await this.clock.advanceToNext();
      await this.#send(event);
    }
  }

  #translateHeaders(event: RecordedEvent, headers: Readonly<Record<string, string>>): Record<string, string> {
    const [recorded, actual] = this.#lastHeaders.get(event.path!) ?? [{}, {}];
    const port = new URL(this.url).port;
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => {
        const known = Object.keys(recorded).find((header) => recorded[header] === value);
        return [name, known ? (actual[known] ?? value) : value.replace(/:81\d\d$/, `:${port}`)];
      }),
    );
  }

  #compareAnswer(event: RecordedEvent): void {
    const answer = this.#answer!;
    const id = (event.json as { prompt_id?: string } | undefined)?.prompt_id;
    if (id !== undefined) this.#noteOf.set(id, this.#note);
    const where = `[${this.#note}] ${event.method} ${event.path}`;
    if (answer.status !== event.status) {
      this.report(where, [
        `status: recorded ${event.status}, engine ${answer.status} ${answer.body.toString('utf8', 0, 300)}`,
      ]);
      return;
    }
    this.#learnNumber(event, answer);
    this.report(where, compareAnswers(event, answer, this.matcher));
    if (answer.headers['etag'] !== undefined) this.#lastHeaders.set(event.path!, [event.headers ?? {}, answer.headers]);
  }

  /** The queue counter of the recorded server stood elsewhere; refused prompts moved it too. */
  #learnNumber(event: RecordedEvent, answer: Answer): void {
    const recorded = recordedJson(event) as { number?: number } | undefined;
    const sent = this.recording.events[this.recording.events.indexOf(event) - 1];
    const isExplicit = JSON.stringify(sent?.body ?? '').includes('number');
    if (!event.path?.endsWith('/prompt') || typeof recorded?.number !== 'number' || isExplicit) return;
    const actual = readJson(answer.body) as { number: number };
    this.matcher.setCounterOffset(Math.abs(recorded.number) - Math.abs(actual.number));
  }
}
