import { fileRefSchema, isRecord } from './schemas.js';

/** What a run produced, by the generic rule of comfyui.md 6: every object with a `filename` under any key is a file. */
export type OutputKind = 'image' | 'video' | 'audio' | 'model3d' | 'text' | 'latent' | 'file';

export type RunOutput = RunFile | RunText;

export interface RunFile {
  readonly kind: Exclude<OutputKind, 'text'>;
  /** The node of the submitted graph that it belongs to. */
  readonly nodeId: string;
  readonly key: string;
  readonly filename: string;
  readonly subfolder: string;
  readonly type: 'output' | 'temp' | 'input';
}

export interface RunText {
  readonly kind: 'text';
  readonly nodeId: string;
  readonly key: string;
  readonly text: string;
}

/**
 * What to do with files of type `temp` (previews, wiped when the server restarts). `when-alone` keeps them if the run
 * wrote no file of type `output`: many people's workflows end in a PreviewImage and nothing else.
 */
export type TempOutputs = 'keep' | 'drop' | 'when-alone';

export interface OutputSource {
  /** Node ids of the submitted graph, in its order. */
  readonly graphNodeIds: readonly string[];
  /** Execution id -> key -> items. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Execution id -> attribution; absent on old servers. */
  readonly meta: Readonly<Record<string, { readonly display_node: string | null }>>;
}

/** Longer texts are cut: they are stored with the attempt, and no text node means a novel. */
const MAX_TEXT_LENGTH = 1_000_000;

/** In the order of the graph's nodes, then of the node's own lists. The server's map has no order that means anything. */
export function readOutputs(source: OutputSource, temp: TempOutputs): RunOutput[] {
  const rank = new Map(source.graphNodeIds.map((nodeId, index) => [nodeId, index]));
  const all = Object.entries(source.outputs)
    .map(([executionId, output]) => ({ nodeId: ownerOf(executionId, source.meta, rank), output }))
    .sort((a, b) => (rank.get(a.nodeId) ?? rank.size) - (rank.get(b.nodeId) ?? rank.size))
    .flatMap(({ nodeId, output }) => nodeOutputs(nodeId, output));
  const dropTemp = temp === 'drop' || (temp === 'when-alone' && all.some(isOutputFile));
  return dropTemp ? all.filter((item) => item.kind === 'text' || item.type !== 'temp') : all;
}

function isOutputFile(item: RunOutput): boolean {
  return item.kind !== 'text' && item.type === 'output';
}

/**
 * The submitted node behind an execution id. Nodes made by run-time expansion have ids like `3.0.0.1`; the server says
 * whom they belong to in `meta`, and where it does not, their id begins with it (comfyui.md 1.5, 3).
 */
function ownerOf(executionId: string, meta: OutputSource['meta'], rank: ReadonlyMap<string, number>): string {
  if (rank.has(executionId)) return executionId;
  const shown = Object.hasOwn(meta, executionId) ? meta[executionId]?.display_node : null;
  if (shown != null && rank.has(shown)) return shown;
  for (let id = executionId; id.includes('.'); ) {
    id = id.slice(0, id.lastIndexOf('.'));
    if (rank.has(id)) return id;
  }
  return shown ?? executionId;
}

function nodeOutputs(nodeId: string, output: unknown): RunOutput[] {
  if (!isRecord(output)) return [];
  const animated = Array.isArray(output['animated']) && output['animated'].includes(true);
  return Object.entries(output).flatMap(([key, value]): RunOutput[] => {
    if (key === 'animated') return [];
    const items = Array.isArray(value) ? value : [value];
    return items.flatMap((item): RunOutput[] => {
      if (typeof item === 'string')
        return key === 'text' ? [{ kind: 'text', nodeId, key, text: item.slice(0, MAX_TEXT_LENGTH) }] : [];
      const file = isRecord(item) ? fileRefSchema.safeParse(item) : null;
      if (!file?.success) return [];
      const { filename, subfolder, type } = file.data;
      const kind = fileKind(filename, key, animated, file.data['format']);
      return [{ kind, nodeId, key, filename, subfolder, type }];
    });
  });
}

const KIND_BY_EXTENSION: Readonly<Record<string, RunFile['kind']>> = Object.fromEntries(
  (
    [
      ['image', 'png jpg jpeg webp gif avif apng bmp tif tiff svg exr hdr'],
      ['video', 'mp4 webm mov mkv avi m4v mpg mpeg'],
      ['audio', 'flac mp3 wav ogg opus m4a aac aif aiff'],
      ['model3d', 'glb gltf obj fbx ply stl usdz splat ksplat spz'],
      ['latent', 'latent'],
      ['file', 'txt json csv srt vtt zip safetensors ckpt pt npz npy'],
    ] as const
  ).flatMap(([kind, extensions]) => extensions.split(' ').map((extension) => [extension, kind])),
);

const KIND_BY_KEY: Readonly<Record<string, RunFile['kind']>> = {
  images: 'image',
  a_images: 'image',
  b_images: 'image',
  gifs: 'video',
  video: 'video',
  videos: 'video',
  audio: 'audio',
  '3d': 'model3d',
  glbs: 'model3d',
  mesh: 'model3d',
  model_file: 'model3d',
  latents: 'latent',
};

/** By extension, then by key, then by `format` (comfyui.md 6): SaveVideo reports its mp4 under `images`. */
export function fileKind(filename: string, key: string, animated: boolean, format: unknown): RunFile['kind'] {
  const extension = /\.([A-Za-z0-9]{1,12})$/.exec(filename)?.[1]?.toLowerCase() ?? '';
  const known = Object.hasOwn(KIND_BY_EXTENSION, extension) ? KIND_BY_EXTENSION[extension] : undefined;
  if (known !== undefined) return known;
  if (animated && key === 'images') return 'video';
  if (Object.hasOwn(KIND_BY_KEY, key)) return KIND_BY_KEY[key] ?? 'file';
  const family = typeof format === 'string' ? format.split('/')[0] : '';
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'file';
}
