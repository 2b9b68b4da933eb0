import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.js';
import type { NodeMeta } from './output-cache.js';
import type { UiData } from './profile.js';
import type { QueueItem } from './prompt-queue.js';

/** A finished run, as `/history` shows it (comfyui.md 1.5). */
export interface HistoryEntry {
  readonly item: QueueItem;
  readonly outputs: Readonly<Record<string, UiData>>;
  readonly meta: Readonly<Record<string, NodeMeta>>;
  readonly status: RunStatus;
}

export interface RunStatus {
  readonly status_str: 'success' | 'error';
  readonly completed: boolean;
  readonly messages: readonly (readonly [type: string, data: JsonObject])[];
}

export const MAX_HISTORY_ENTRIES = 10_000;

/** Finished runs in order of completion. Memory only, the oldest make room. */
export class History {
  readonly #entries = new Map<string, HistoryEntry>();

  get size(): number {
    return this.#entries.size;
  }

  /** A second run under an id takes the place of the first. Credentials are not kept. */
  add(entry: HistoryEntry): void {
    if (this.#entries.size >= MAX_HISTORY_ENTRIES && !this.#entries.has(entry.item.promptId)) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const { extraData } = entry.item;
    const item = isJsonObject(extraData) ? { ...entry.item, extraData: withoutCredentials(extraData) } : entry.item;
    this.#entries.set(item.promptId, { ...entry, item });
  }

  get(promptId: string): HistoryEntry | undefined {
    return this.#entries.get(promptId);
  }

  /**
   * A part of the history. `offset` counts from the oldest; without it `maxItems` means the newest ones. The odd
   * answers to numbers below one are those of a real server.
   */
  list(maxItems: number | null, offset: number | null): HistoryEntry[] {
    const all = [...this.#entries.values()];
    let start = offset ?? -1;
    if (start < 0 && maxItems !== null) start = all.length - maxItems;
    const rest = all.slice(Math.max(0, start));
    return maxItems === null ? rest : rest.slice(0, Math.max(1, maxItems));
  }

  delete(promptId: string): void {
    this.#entries.delete(promptId);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** Credentials for paid nodes. 0.3.64 shows them in the queue, 0.8 nowhere (comfyui.md 1.4). */
const CREDENTIAL_KEYS = new Set(['auth_token_comfy_org', 'api_key_comfy_org']);

export function withoutCredentials(extraData: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(extraData).filter(([key]) => !CREDENTIAL_KEYS.has(key)));
}

/** `[number, prompt_id, prompt, extra_data, outputs_to_execute]`. */
export function queueTuple(item: QueueItem): JsonValue[] {
  return [item.number, item.promptId, item.prompt as unknown as JsonObject, item.extraData, [...item.outputs]];
}

export function historyJson(entry: HistoryEntry): object {
  return {
    prompt: queueTuple(entry.item),
    outputs: entry.outputs,
    status: entry.status,
    meta: entry.meta,
  };
}
