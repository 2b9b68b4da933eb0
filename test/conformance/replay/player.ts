import { ComfyUiHttp } from '../../../src/comfyui/index.js';
import { parseLossless } from '../../../src/core/json.js';
import type { Graph } from '../../../src/graph/types.js';
import { Deferred } from '../../../src/testing/index.js';
import { Actor } from './actor.js';
import { checkResult, checkSubmit, codeOf, same } from './checks.js';
import { type ExpectedEnd, expectedEnd, expectedEvent, type HistoryJson } from './expectations.js';
import { type Prompt, PromptBook } from './prompts.js';
import {
  answerBytes,
  answerJson,
  binaryFrame,
  clientIdOf,
  frameOf,
  isRecord,
  promptBody,
  type RecordedAnswer,
  type RecordedEvent,
  type RecordedNote,
  type RecordedRequest,
  type Recording,
} from './recording.js';
import { type ReceivedRequest, type ReplayAnswer, ReplayServer } from './replay-server.js';
import { httpStep, type Step } from './steps.js';

/**
 * Plays one recording to the real client, in the recorded order: each recorded request is made through the client (a
 * POST /prompt through the backend adapter), answered with the recorded answer, and what the client makes of it is
 * compared with what the recording says. Frames go out at their place between requests and answers.
 *
 * Requests that the client adds on its own (a look at the queue, the history of a run that it was told has ended) are
 * answered from the state that the recording implies at that moment. Frames are routed as the server does it: by the
 * client id that the prompt was sent with.
 */
export interface ReplayReport {
  readonly faults: readonly string[];
  readonly calls: number;
  readonly prompts: number;
  /** Prompts whose end the recording shows, and which were compared to it. */
  readonly ends: number;
  readonly notSent: number;
}

type FrameEvent = Extract<RecordedEvent, { k: 'ws<' | 'ws<raw' }>;

interface CurrentRequest {
  readonly step: Extract<Step, { kind: 'call' }>;
  readonly arrived: Deferred<void>;
  readonly answer: Deferred<ReplayAnswer>;
}

export class ReplayPlayer {
  readonly #recording: Recording;
  readonly #prompts: PromptBook;
  readonly #server = new ReplayServer((request) => this.#answer(request));
  readonly #actors = new Map<string, Actor>();
  readonly #bySock = new Map<string, Actor>();
  readonly #greetings = new Set<RecordedEvent>();
  readonly #faults: string[] = [];
  #guest: Actor | null = null;
  #baseUrl = '';
  #label = '';
  #calls = 0;
  #ends = 0;
  #notSent = 0;
  #current: CurrentRequest | null = null;
  #result: Promise<readonly string[]> = Promise.resolve([]);

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#prompts = new PromptBook(recording.events, recording.version);
  }

  async run(): Promise<ReplayReport> {
    this.#baseUrl = await this.#server.start();
    const http = new ComfyUiHttp({ baseUrl: this.#baseUrl });
    const apiHttp = new ComfyUiHttp({ baseUrl: `${this.#baseUrl}/api` });
    try {
      for (const [index, event] of this.#recording.events.entries()) {
        if (event.k === 'http>') await this.#request(event, index, usesApiPrefix(event.path) ? apiHttp : http);
        else await this.#play(event, index);
      }
      await this.#checkEnds();
    } finally {
      await Promise.all([...this.#allActors().map((actor) => actor.backend.close()), http.close(), apiHttp.close()]);
      await this.#server.close();
    }
    return {
      faults: this.#faults,
      calls: this.#calls,
      prompts: this.#prompts.all.length,
      ends: this.#ends,
      notSent: this.#notSent,
    };
  }

  async #play(event: Exclude<RecordedEvent, { k: 'http>' }>, index: number): Promise<void> {
    switch (event.k) {
      case 'note':
        return this.#note(event);
      case 'ws-open':
        return this.#openSocket(event.sock, event.url, index);
      case 'ws-close':
        return this.#closeSocket(event.sock, index);
      case 'ws<':
      case 'ws<raw':
        return this.#sendFrame(event, index);
      case 'http<':
        return this.#finishRequest(event);
    }
  }

  // Sockets

  async #openSocket(sock: string, url: string, index: number): Promise<void> {
    const clientId = new URL(url).searchParams.get('clientId') || `invented-${sock}`;
    const known = this.#actors.get(clientId);
    const actor = known ?? this.#newActor(clientId);
    this.#actors.set(clientId, actor);
    this.#bySock.set(sock, actor);
    // Our client has one connection per id. A second one is either a reconnect or somebody else with the same id.
    if (known !== undefined && this.#breaksSilently(actor.lastSock, index)) actor.connection?.socket.terminate();
    actor.lastSock = sock;
    if (known === undefined) await actor.backend.start();
    if (actor.isConnected) return;
    const connection = await this.#server.nextConnection();
    // A server greets with `status`; where the recording has it later, that is how its two channels were merged.
    const greeting = this.#recording.events
      .slice(index)
      .find((event): event is FrameEvent => isFrame(event) && event.sock === sock && hasSid(event));
    if (greeting !== undefined) this.#greetings.add(greeting);
    const status = (greeting === undefined ? null : frameOf(greeting)?.data) ?? {
      status: { exec_info: { queue_remaining: 0 } },
    };
    const fresh = connection.clientId !== clientId && !clientId.startsWith('invented-');
    await actor.greet(connection, { ...status, sid: fresh ? connection.clientId : (status['sid'] ?? clientId) });
  }

  /** The recorded client dropped its old connection without closing it, at about this moment. */
  #breaksSilently(sock: string, index: number): boolean {
    const rest = this.#recording.events.slice(index + 1);
    const at = rest.findIndex((event) => event.k === 'ws-close' && event.sock === sock);
    const close = rest[at];
    return close?.k === 'ws-close' && close.code === 1006 && rest.slice(at).some((event) => event.k === 'ws<');
  }

  #closeSocket(sock: string, index: number): void {
    const actor = this.#bySock.get(sock);
    const more = this.#recording.events.slice(index + 1).some((event) => event.k !== 'ws-close' && event.k !== 'note');
    if (actor?.lastSock === sock && more) actor.connection?.socket.terminate();
  }

  #newActor(clientId: string | null): Actor {
    return new Actor(this.#baseUrl, clientId, (actor) =>
      this.#prompts.all.filter((prompt) => prompt.actor === actor).map((prompt) => prompt.id),
    );
  }

  #allActors(): Actor[] {
    return [...this.#actors.values(), ...(this.#guest === null ? [] : [this.#guest])];
  }

  #sendFrame(event: FrameEvent, index: number): void {
    const actor = this.#bySock.get(event.sock);
    const frame = frameOf(event);
    if (frame !== null) this.#prompts.advance(frame, index);
    if (actor === undefined || this.#greetings.has(event)) return;
    const running = this.#prompts.running;
    const prompt = frame === null ? running : this.#prompts.get(frame.data['prompt_id']);
    const forAll = frame?.type === 'status' || frame?.type === 'feature_flags' || prompt?.recordedClientId === null;
    if (!forAll && prompt?.sentWith !== actor.sid) return;
    if (event.k === 'ws<raw') actor.send(event.text);
    else if ('msg' in event) actor.send(JSON.stringify(event.msg));
    else actor.send(binaryFrame(event, running?.id ?? ''));
    // A text frame (type 3) has no event, and a reply to somebody else's prompt must have none.
    const expected = 'hex64' in event && event.hex64.startsWith('00000003') ? null : expectedEvent(frame);
    if (expected !== null && prompt?.actor === actor) prompt.expectedEvents.push(expected);
  }

  // Requests

  async #request(request: RecordedRequest, index: number, http: ComfyUiHttp): Promise<void> {
    const step = this.#step(request, this.#prompts.answerTo(index), index, http);
    if (step.kind === 'not-sent') {
      this.#notSent += 1;
      return;
    }
    this.#calls += 1;
    const arrived = new Deferred();
    // In place before the call is made, since its request arrives while it runs.
    this.#current = { step, arrived, answer: new Deferred<ReplayAnswer>() };
    this.#result = step.run().catch((error) => [`threw ${String(error)}`]);
    await Promise.race([arrived.promise, this.#result]);
  }

  async #finishRequest(answer: RecordedAnswer): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    current.answer.resolve({
      status: answer.status,
      contentType: answer.headers['content-type'] ?? 'application/octet-stream',
      body: answerBytes(answer),
    });
    this.#report(`${current.step.method} ${current.step.pathname}`, await this.#result);
    this.#current = null;
  }

  #step(request: RecordedRequest, answer: RecordedAnswer, index: number, http: ComfyUiHttp): Step {
    if (request.method === 'POST' && request.path === '/prompt') return this.#promptStep(request, answer);
    const historyOf = /^\/history\/([^?]+)$/.exec(request.path)?.[1];
    const asked = historyOf === undefined ? undefined : this.#prompts.get(decodeURIComponent(historyOf));
    if (request.method === 'GET' && asked !== undefined) return this.#findStep(asked, request.path, answer, index);
    this.#prompts.noteEffect(request, answer);
    return httpStep(request, answer, http);
  }

  #promptStep(request: RecordedRequest, answer: RecordedAnswer): Step {
    const large = typeof request.body === 'string' && request.body.startsWith('<');
    const body = large ? LARGE_PROMPT : promptBody(request);
    if (body === null) return { kind: 'not-sent', why: 'not a JSON object' };
    const clientId = clientIdOf(body);
    const actor = (clientId === null ? undefined : this.#actorOf(clientId)) ?? this.#guestActor();
    const recorded = answerJson(answer);
    const promptId = isRecord(recorded) && typeof recorded['prompt_id'] === 'string' ? recorded['prompt_id'] : null;
    if (promptId !== null) this.#prompts.add(promptId, clientId, body['prompt'], actor);
    const attemptId = promptId ?? `unanswered-${this.#calls}`;
    const run = async () => {
      const outcome = await actor.backend.submit({ attemptId, graph: body['prompt'] as Graph });
      if (answer.status === 413) return same('submit', codeOf(outcome), 'refused payload_too_large');
      return checkSubmit(outcome, body['prompt'], answer.status, recorded);
    };
    return { kind: 'call', method: 'POST', pathname: '/prompt', run };
  }

  #findStep(prompt: Prompt, path: string, answer: RecordedAnswer, index: number): Step {
    const entry = answerJson(answer);
    const recorded = isRecord(entry) && isRecord(entry[prompt.id]) ? (entry[prompt.id] as HistoryJson) : null;
    if (prompt.state === 'deleted' && recorded !== null)
      return { kind: 'not-sent', why: 'the client had withdrawn it' };
    // Requests and frames travel apart: the history may be recorded before the frames of the run.
    if (recorded !== null && prompt.state !== 'done') this.#prompts.end(prompt, index);
    const run = async () => {
      const sighting = await prompt.actor.backend.find(prompt.id);
      if (recorded === null) return same('finished', sighting.state === 'finished', false);
      return sighting.state === 'finished'
        ? checkResult(sighting.result, expectedEnd(recorded))
        : same('sighting', sighting.state, 'finished');
    };
    return { kind: 'call', method: 'GET', pathname: path, run };
  }

  #actorOf(clientId: string): Actor | undefined {
    return this.#actors.get(clientId) ?? [...this.#actors.values()].find((actor) => actor.sid === clientId);
  }

  /** Sends prompts for clients that have no socket in the recording. */
  #guestActor(): Actor {
    this.#guest ??= this.#newActor(null);
    return this.#guest;
  }

  /** The server's side: the recorded answer for the recorded request, the implied state for what the client adds. */
  async #answer(request: ReceivedRequest): Promise<ReplayAnswer> {
    const current = this.#current;
    const recorded =
      current !== null &&
      !current.arrived.settled &&
      request.method === current.step.method &&
      request.pathname === new URL(current.step.pathname, 'http://localhost').pathname;
    if (!recorded) return json(this.#prompts.answer(request));
    if (request.pathname === '/prompt' && request.method === 'POST') this.#checkPosted(request.body);
    current.arrived.resolve();
    return current.answer.promise;
  }

  #checkPosted(bytes: Buffer): void {
    const posted = parseLossless(bytes.toString('utf8')) as Record<string, unknown>;
    const prompt = this.#prompts.get(posted['prompt_id']);
    if (prompt === undefined) return;
    prompt.sentWith = String(posted['client_id']);
    this.#report('POST /prompt', same('graph', posted['prompt'], prompt.graph));
  }

  // What the recording tells in notes only

  async #note(event: RecordedNote): Promise<void> {
    this.#label = event.note;
    if (event.got !== undefined) await this.#handshake(event.got);
    else if (event.status === 403) await this.#refusedHandshake();
    else if (event.note.startsWith('process gone')) await this.#serverGone();
  }

  async #handshake(got: readonly string[]): Promise<void> {
    this.#calls += 1;
    const actor = this.#newActor('handshake');
    try {
      await actor.backend.start();
      const connection = await this.#server.nextConnection();
      await actor.greet(connection, JSON.parse(got[0] ?? '{}').data);
      this.#report('handshake', same('first event', actor.events[0], { type: 'connected', first: true }));
    } finally {
      await actor.backend.close();
    }
  }

  async #refusedHandshake(): Promise<void> {
    this.#calls += 1;
    const actor = this.#newActor('refused');
    this.#server.refuseUpgradeWith = 403;
    try {
      await actor.backend.start();
      await this.#server.upgradeRefused();
      this.#report('refused handshake', same('events', actor.events, []));
    } finally {
      await actor.backend.close();
      this.#server.refuseUpgradeWith = null;
    }
  }

  async #serverGone(): Promise<void> {
    await this.#server.close();
    for (const prompt of this.#prompts.all) {
      this.#calls += 1;
      prompt.state = 'gone';
      const { backend } = prompt.actor;
      const code = await backend.find(prompt.id).then(
        (sighting) => sighting.state,
        (error) => error.code,
      );
      this.#report('find', same('after the end of the process', code, 'backend_unreachable'));
      this.#report('health', same('after the end of the process', (await backend.health()).state, 'unreachable'));
      await prompt.actor.noticed('disconnected');
    }
  }

  // The end

  async #checkEnds(): Promise<void> {
    for (const prompt of this.#prompts.all) {
      const { actor, id, state, history } = prompt;
      if (state === 'deleted' || history !== null) this.#ends += 1;
      if (state === 'deleted')
        this.#report(id, same('after its deletion', (await actor.backend.find(id)).state, 'absent'));
      if (state !== 'done' || history === null) continue;
      const sighting = await actor.backend.find(id);
      this.#report(
        id,
        sighting.state === 'finished'
          ? checkResult(sighting.result, history.expected)
          : same('state at the end', sighting.state, 'finished'),
      );
      await this.#checkTold(prompt, history.expected);
    }
    for (const actor of this.#allActors())
      for (const event of actor.events)
        if ('attemptId' in event && this.#prompts.get(event.attemptId)?.actor !== actor)
          this.#report(event.type, [`an event of somebody else's prompt reached ${actor.backend.id}`]);
  }

  /** A prompt whose frames reach our socket, or whose connection was replaced, must end without blind polling. */
  async #checkTold(prompt: Prompt, expected: ExpectedEnd): Promise<void> {
    const { actor, id, expectedEvents } = prompt;
    const heardEnd = expectedEvents.includes('ended');
    const lostConnection = actor.connection !== null && prompt.sentWith !== actor.sid;
    if (!heardEnd && !lostConnection) return;
    if (heardEnd) await actor.heard('ended', id);
    const result = await actor.foundWhenTold(id);
    this.#report(id, result === null ? ['the client was not told that it had ended'] : checkResult(result, expected));
    if (!lostConnection) this.#report(id, same('events', actor.eventTypesOf(id), expectedEvents));
  }

  #report(what: string, faults: readonly string[]): void {
    for (const fault of faults) this.#faults.push(`[${this.#label}] ${what}: ${fault}`);
  }
}

const LARGE_PROMPT = { prompt: { '1': { class_type: 'PreviewAny', inputs: { source: 'x'.repeat(1_200_000) } } } };

function usesApiPrefix(path: string): boolean {
  return path.startsWith('/api/') && !path.startsWith('/api/jobs');
}

function isFrame(event: RecordedEvent): event is FrameEvent {
  return event.k === 'ws<' || event.k === 'ws<raw';
}

function hasSid(event: FrameEvent): boolean {
  const frame = frameOf(event);
  return frame?.type === 'status' && frame.data['sid'] !== undefined;
}

function json(value: unknown): ReplayAnswer {
  const body = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  return { status: 200, contentType: 'application/json', body };
}
