import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sharedPath } from '../helpers/shared.js';

/** Sessions with real servers, as recorded: what was sent, and what came back when (`t` in ms since the start). */
export type RecordedVersion = '0.3.64' | '0.8.0';
export const RECORDED_VERSIONS: readonly RecordedVersion[] = ['0.3.64', '0.8.0'];

export interface RecordedEvent {
  readonly t: number;
  readonly k: 'ws-open' | 'ws-close' | 'ws-pong' | 'ws>' | 'ws<' | 'ws<raw' | 'http>' | 'http<' | 'note';
  readonly sock?: string;
  readonly url?: string;
  readonly code?: number;
  readonly text?: string;
  readonly msg?: Message;
  readonly bin?: boolean;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly status?: number;
  readonly json?: unknown;
  readonly hex64?: string;
  readonly length?: number;
  readonly note?: string;
  readonly [extra: string]: unknown;
}

export interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Recording {
  readonly version: RecordedVersion;
  /** File name without its ending; the recordings' own scenario field is not unique. */
  readonly scenario: string;
  readonly note?: string;
  readonly events: readonly RecordedEvent[];
}

/** All recordings of a version in order; empty where they are not on this machine. */
export function loadRecordings(version: RecordedVersion): Recording[] {
  const folder = sharedPath(`data/comfyui-recordings/${version}`);
  if (folder === null) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({
      ...(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Omit<Recording, 'version'>),
      version,
      scenario: basename(file, '.json'),
    }));
}
