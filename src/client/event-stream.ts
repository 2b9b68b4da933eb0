/** One server-sent event. `data` is parsed JSON. */
export interface ServerEvent {
  readonly id: string | null;
  readonly type: string;
  readonly data: unknown;
}

/** Reads server-sent events (WHATWG HTML 9.2) from a body. Comments, which keep the connection open, are left out. */
export async function* readServerEvents(
  body: ReadableStream<Uint8Array>,
  options: {
    /** Without a byte for so long, comments included, it counts as broken, in milliseconds. */
    readonly idleMs: number;
  },
): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await within(options.idleMs, reader.read());
      if (done) return;
      text += decoder.decode(value, { stream: true });
      for (let end = BLANK_LINE.exec(text); end !== null; end = BLANK_LINE.exec(text)) {
        const event = parse(text.slice(0, end.index));
        text = text.slice(end.index + end[0].length);
        if (event !== null) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Any of the three ways to end a line, twice. */
const BLANK_LINE = /\r\n\r\n|\n\n|\r\r/;

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing came for ${limitMs} ms.`)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function parse(block: string): ServerEvent | null {
  let id: string | null = null;
  let type = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const [field, value] = colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
    if (field === 'id') id = value;
    else if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
  }
  if (data.length === 0) return null;
  return { id, type, data: JSON.parse(data.join('\n')) as unknown };
}
