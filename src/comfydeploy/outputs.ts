import { fileKind, type RunFile } from '../comfyui/index.js';
import type { RunOutputEntry } from './schemas.js';

/** What a run produced (comfydeploy.md 3.3). */
export type ProducedOutput = ProducedFile | ProducedText;

export interface ProducedFile {
  readonly kind: RunFile['kind'];
  /** The node that made it; the `output_id`, or empty, where the API does not tell (legacy). */
  readonly nodeId: string;
  /** Depends on the plugin version of the machine: any key is taken, and the extension says what it is. */
  readonly key: string;
  readonly filename: string;
  readonly subfolder: string;
  /** On any host; temporary for private files. */
  readonly url: string;
}

export interface ProducedText {
  readonly kind: 'text';
  readonly nodeId: string;
  readonly key: string;
  readonly text: string;
}

const MAX_TEXT_LENGTH = 1_000_000;
const MAX_NAME_LENGTH = 200;

/**
 * Sorted by node, then as listed within it: the API promises no order of entries. Items that make no sense are left out,
 * which the API does with whole entries already.
 */
export function producedOutputs(entries: readonly RunOutputEntry[]): ProducedOutput[] {
  return entries
    .map((entry) => ({ nodeId: entry.node_meta?.node_id ?? entry.node_id ?? entry.output_id ?? '', entry }))
    .sort((a, b) => a.nodeId.localeCompare(b.nodeId, 'en', { numeric: true }))
    .flatMap(({ nodeId, entry }) =>
      Object.entries(entry.data ?? {}).flatMap(([key, value]) =>
        (Array.isArray(value) ? value : [value]).flatMap((item) => readItem(nodeId, key, item)),
      ),
    );
}

function readItem(nodeId: string, key: string, item: unknown): ProducedOutput[] {
  if (typeof item === 'string') return [{ kind: 'text', nodeId, key, text: item.slice(0, MAX_TEXT_LENGTH) }];
  if (typeof item !== 'object' || item === null) return [];
  const { url, filename, subfolder, type, format } = item as Readonly<Record<string, unknown>>;
  if (typeof url !== 'string' || !URL.canParse(url) || type === 'temp') return [];
  const name = baseName(typeof filename === 'string' && filename !== '' ? filename : new URL(url).pathname);
  return [
    {
      kind: fileKind(name, key, false, format),
      nodeId,
      key,
      filename: name,
      subfolder: typeof subfolder === 'string' ? subfolder : '',
      url,
    },
  ];
}

function baseName(path: string): string {
  const name = (path.split(/[/\\]/).pop() ?? '').replace(/\p{Cc}/gu, '').slice(-MAX_NAME_LENGTH);
  return name === '' || name === '.' || name === '..' ? 'output' : name;
}
