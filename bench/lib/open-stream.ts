import { get, type IncomingMessage } from 'node:http';

/** An event stream on a connection of its own that counts what it is told. */
export class OpenStream {
  readonly #response: IncomingMessage;
  readonly #counts = new Map<string, number>();
  readonly #ended = new Set<string>();
  #rest = '';

  static open(url: string, headers: Readonly<Record<string, string>>): Promise<OpenStream> {
    return new Promise((resolve, reject) => {
      get(url, { headers, agent: false }, (response) => {
        if (response.statusCode === 200) resolve(new OpenStream(response));
        else reject(new Error(`${url} answered ${response.statusCode}.`));
      }).once('error', reject);
    });
  }

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    response.on('error', () => {});
  }

  /** How often it was told of this event. */
  count(event: string): number {
    return this.#counts.get(event) ?? 0;
  }

  /** Of how many generations it was told one of these events. */
  ended(events: readonly string[]): number {
    return [...this.#ended].filter((key) => events.includes(key.split(' ')[0] ?? '')).length;
  }

  close(): void {
    this.#response.destroy();
  }

  #read(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      if (event === undefined) continue;
      this.#counts.set(event, (this.#counts.get(event) ?? 0) + 1);
      const generation = /"generation_id":"([^"]+)"/.exec(block)?.[1];
      if (/^id: /m.test(block)) this.#ended.add(`${event} ${generation}`);
    }
  }
}
