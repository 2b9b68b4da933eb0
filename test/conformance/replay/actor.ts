import { type AttemptResult, type BackendEvent, ComfyUiBackend } from '../../../src/backends/index.js';
import type { Connection } from './replay-server.js';

/**
 * One client of a recording: a backend adapter that uses the recorded client id for its first connection, and ids of its
 * own, as it always does, for those after it.
 */
export class Actor {
  readonly backend: ComfyUiBackend;
  readonly events: BackendEvent[] = [];
  connection: Connection | null = null;
  /** The client id that counts on this connection: the one the server told. */
  sid = '';
  /** Name, in the recording, of the socket that this actor's connection stands for. */
  lastSock = '';
  readonly #looks = new Map<string, Promise<AttemptResult | null>>();

  constructor(baseUrl: string, clientId: string | null, attemptsOf: (actor: Actor) => Iterable<string>) {
    const name = clientId ?? 'guest';
    const ids = clientId === null ? [] : [clientId];
    let fresh = 0;
    this.backend = new ComfyUiBackend({
      id: `replay-${name}`,
      baseUrl,
      socket: { newClientId: () => ids.shift() ?? `fresh-${name}-${fresh++}`, backoff: { baseMs: 1, maxMs: 1 } },
    });
    this.backend.onEvent((event) => {
      this.events.push(event);
      if (event.type === 'ended') this.#look(event.attemptId);
      if (event.type === 'connected' && !event.first) for (const id of attemptsOf(this)) this.#look(id);
    });
  }

  get isConnected(): boolean {
    return this.connection?.socket.readyState === this.connection?.socket.OPEN && this.connection !== null;
  }

  /** Takes the connection over, greets as a server does, and waits until the client has noticed. */
  async greet(connection: Connection, status: Readonly<Record<string, unknown>>): Promise<void> {
    this.connection = connection;
    this.sid = String(status['sid']);
    const before = this.events.length;
    connection.socket.send(JSON.stringify({ type: 'status', data: status }));
    await this.#until(() => this.events.slice(before).some((event) => event.type === 'connected'));
    // Looks that the reconnect asked for are over before the recording goes on, so that they cannot see its future.
    await Promise.all(this.#looks.values());
  }

  send(data: string | Buffer): void {
    this.connection?.socket.send(data);
  }

  heard(type: BackendEvent['type'], attemptId: string): Promise<void> {
    return this.#until(() =>
      this.events.some((event) => event.type === type && 'attemptId' in event && event.attemptId === attemptId),
    );
  }

  noticed(type: 'disconnected'): Promise<void> {
    return this.#until(() => this.events.some((event) => event.type === type));
  }

  /** What was told of an attempt, without `node-done`: a node that waits for others ends in several frames. */
  eventTypesOf(attemptId: string): BackendEvent['type'][] {
    return this.events.flatMap((event) =>
      'attemptId' in event && event.attemptId === attemptId && event.type !== 'node-done' ? [event.type] : [],
    );
  }

  /** The result that was found when the adapter said that it was time to look; null when it never did. */
  async foundWhenTold(attemptId: string): Promise<AttemptResult | null> {
    return (await this.#looks.get(attemptId)) ?? null;
  }

  /** What a user of the adapter does when it is told to look. */
  #look(attemptId: string): void {
    const before = this.#looks.get(attemptId) ?? Promise.resolve(null);
    this.#looks.set(
      attemptId,
      before.then(async (result) => {
        if (result !== null) return result;
        const sighting = await this.backend.find(attemptId).catch(() => null);
        return sighting?.state === 'finished' ? sighting.result : null;
      }),
    );
  }

  /** Frames come over a real socket: some turns of the event loop pass. The time limit of the test ends a wait in vain. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }
}
