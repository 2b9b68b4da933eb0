import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import {
  EaselApiError,
  type EaselClient,
  type Generation,
  type GenerationEvent,
  type Output,
} from '../client/index.js';

/**
 * Workflows as tools of the Model Context Protocol. All of it goes through the HTTP API with the caller's key: what a key may
 * not do, cannot pay or asks too often is refused here as everywhere.
 */
export interface ToolOptions {
  readonly client: EaselClient;
  /** Largest picture that is put into an answer, in bytes; larger ones are named by their address. 4 MiB unless told. */
  readonly maxImageBytes?: number;
}

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Told while it runs. */
  readonly onProgress: (percent: number, message: string) => void;
  readonly signal: AbortSignal;
}

const PREFIX = 'run_';
const MAX_NAME_CHARS = 64;
const PAGE = 100;
const MIB = 1024 ** 2;

const ID = {
  type: 'object' as const,
  properties: { id: { type: 'string', description: 'Id of the generation.' } },
  required: ['id'],
  additionalProperties: false,
};

const FIXED_TOOLS: readonly Tool[] = [
  {
    name: 'get_generation',
    title: 'Read a generation',
    description: 'How a generation is now, with its pictures when it has succeeded.',
    inputSchema: ID,
    annotations: { readOnlyHint: true },
  },
  {
    name: 'cancel_generation',
    title: 'Cancel a generation',
    description: 'Stops a generation that waits or runs.',
    inputSchema: ID,
    annotations: { destructiveHint: true, idempotentHint: true },
  },
];

interface Named {
  readonly workflow: string;
  /** Name of its tool. */
  readonly tool: string;
}

export class EaselTools {
  readonly #client: EaselClient;
  readonly #maxImageBytes: number;

  constructor({ client, maxImageBytes = 4 * MIB }: ToolOptions) {
    this.#client = client;
    this.#maxImageBytes = maxImageBytes;
  }

  /** Asked anew each time, so that a workflow added meanwhile is there. Throws EaselApiError. */
  async list(): Promise<Tool[]> {
    const tools: Tool[] = [];
    for (const named of await this.#named()) {
      const tool = await this.#tool(named);
      if (tool !== null) tools.push(tool);
    }
    return [...tools, ...FIXED_TOOLS];
  }

  /** A call that fails is an answer that says so, and how to do better: the model reads it. */
  async call(call: ToolCall): Promise<CallToolResult> {
    try {
      if (call.name === 'get_generation') return await this.#answer(await this.#client.get(idOf(call)));
      if (call.name === 'cancel_generation') return await this.#answer(await this.#client.cancel(idOf(call)));
      return await this.#run(call);
    } catch (error) {
      if (error instanceof EaselApiError) return failure(error);
      throw error;
    }
  }

  async #run({ name, arguments: inputs, onProgress, signal }: ToolCall): Promise<CallToolResult> {
    const found = (await this.#named()).find((named) => named.tool === name);
    if (found === undefined) {
      return text(`There is no tool ${name}. Ask for the list of tools again: workflows may have changed.`, true);
    }
    const submitted = await this.#client.submit(found.workflow, inputs, { signal });
    try {
      for await (const event of this.#client.stream(submitted.id, { signal })) tell(event, onProgress);
      return await this.#answer(await this.#client.wait(submitted.id, { signal }));
    } catch (error) {
      // Nobody waits for it any more.
      if (signal.aborted) await this.#client.cancel(submitted.id).catch(() => {});
      throw error;
    }
  }

  /** Names alone: a call needs no more, and schemas cost a request each. */
  async #named(): Promise<readonly Named[]> {
    const all: string[] = [];
    let after: string | undefined;
    do {
      const query = { enabled: true, limit: PAGE, ...(after === undefined ? {} : { after }) };
      const { data, error, response } = await this.#client.api.GET('/v1/workflows', { params: { query } });
      if (data === undefined) throw await asApiError(error, response);
      all.push(...data.data.map(({ name }) => name));
      after = data.next_after ?? undefined;
    } while (after !== undefined);
    return withToolNames(all);
  }

  /** Null when it was removed meanwhile. */
  async #tool({ workflow, tool }: Named): Promise<Tool | null> {
    const { data, error, response } = await this.#client.api.GET('/v1/workflows/{name}/schema', {
      params: { path: { name: workflow } },
    });
    if (response.status === 404) return null;
    if (data === undefined) throw await asApiError(error, response);
    const schema = data as { readonly title?: string; readonly description?: string };
    return {
      name: tool,
      title: schema.title ?? workflow,
      description: schema.description ?? `Runs the workflow ${workflow} and returns what it makes.`,
      inputSchema: schema as unknown as Tool['inputSchema'],
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    };
  }

  async #answer(generation: Generation): Promise<CallToolResult> {
    const lines = [`Generation ${generation.id}: ${generation.status}.`];
    const { error } = generation;
    if (error !== null) lines.push(`${error.code}: ${error.message}`, error.hint);
    const content: CallToolResult['content'] = [];
    for (const output of generation.outputs) {
      const picture = await this.#picture(generation, output);
      if (picture !== null) content.push(picture);
      else if (output.text !== null) lines.push(output.text);
      lines.push(`${output.filename || output.kind} (${output.content_type}, ${output.bytes} bytes): ${output.url}`);
    }
    return {
      content: [{ type: 'text', text: lines.filter((line) => line !== '').join('\n') }, ...content],
      isError: generation.status === 'failed' || generation.status === 'expired',
    };
  }

  async #picture(generation: Generation, output: Output): Promise<CallToolResult['content'][number] | null> {
    const { kind, bytes, ordinal, content_type: mimeType } = output;
    if (kind !== 'image' || bytes > this.#maxImageBytes) return null;
    const blob = await this.#client.fetchOutput(generation, { ordinal });
    return { type: 'image', mimeType, data: Buffer.from(await blob.arrayBuffer()).toString('base64') };
  }
}

/** Letters, digits, `_` and `-`, as clients demand it. */
function toolName(workflow: string): string {
  return `${PREFIX}${workflow.replace(/[^A-Za-z0-9_-]+/g, '_')}`.slice(0, MAX_NAME_CHARS);
}

/** Two workflows may get one name by that; the later ones get a number. */
function withToolNames(workflows: readonly string[]): Named[] {
  const seen = new Map<string, number>();
  return workflows.map((workflow) => {
    const tool = toolName(workflow);
    const count = (seen.get(tool) ?? 0) + 1;
    seen.set(tool, count);
    if (count === 1) return { workflow, tool };
    const suffix = `_${count}`;
    return { workflow, tool: `${tool.slice(0, MAX_NAME_CHARS - suffix.length)}${suffix}` };
  });
}

function tell(event: GenerationEvent, onProgress: ToolCall['onProgress']): void {
  const { percent, node_title: title } = event.data;
  if (event.type === 'progress' && typeof percent === 'number') {
    onProgress(percent, typeof title === 'string' ? title : '');
  } else if (event.type === 'started') onProgress(0, 'Started.');
  else if (event.type === 'retrying') onProgress(0, 'Trying again.');
}

function idOf({ arguments: { id } }: ToolCall): string {
  if (typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id)) return id;
  throw new EaselApiError('The id of a generation is missing.', { code: 'request_invalid', status: 400 });
}

function failure(error: EaselApiError): CallToolResult {
  const fields = error.fieldErrors.map(({ detail, pointer }) => `${pointer ?? ''} ${detail}`.trim());
  return text(
    [`${error.code}: ${error.message}`, ...fields, error.hint].filter((line) => line !== '').join('\n'),
    true,
  );
}

function text(words: string, isError: boolean): CallToolResult {
  return { content: [{ type: 'text', text: words }], isError };
}

async function asApiError(problem: unknown, response: Response): Promise<EaselApiError> {
  return EaselApiError.from(new Response(JSON.stringify(problem ?? {}), { status: response.status }));
}
