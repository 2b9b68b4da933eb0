import type { Recording } from './engine-recording.js';

/** Where the engine answers differently on purpose. `pattern` is matched against the difference that a replay reports. */
export interface DeliberateDifference {
  readonly title: string;
  /** Beginning of the scenario's name; all scenarios when absent. */
  readonly scenario?: string;
  readonly pattern: RegExp;
  readonly reason: string;
}

export const DELIBERATE_DIFFERENCES: readonly DeliberateDifference[] = [
  {
    title: 'Pictures as text',
    pattern: /recorded "tensor\(/,
    reason:
      'A real server prints the numbers of a tensor. The engine holds pictures as bytes and prints their kind and size.',
  },
  {
    title: 'Words of exceptions',
    pattern:
      /exception_(?:message|type): recorded "(?:unsupported operand|'str' object has no|AttributeError|Truncated File|OSError)/,
    reason:
      'Texts and types of exceptions from Python libraries are not imitated; a node of the engine says in its own words what it could not use.',
  },
  {
    title: 'Blending batches of different lengths',
    scenario: '04-',
    pattern: /^\[real image error: /,
    reason:
      'ImageBlend of the engine repeats the last picture of the shorter batch; on a real server the tensors do not fit and the node fails.',
  },
  {
    title: 'NaN and infinity as text',
    scenario: '20-',
    pattern: /text\[0\]: recorded "(?:nan|inf)", engine "(?:NaN|Infinity)"/,
    reason: 'PreviewAny of the engine prints these numbers as JavaScript does. In JSON they are the same tokens.',
  },
  {
    title: 'Start page',
    scenario: '14-',
    pattern: /\] GET \/: header/,
    reason: 'The page at `/` is not a file on disk, so it has no entity tag and takes no ranges.',
  },
  {
    title: 'Log and disk of the server',
    scenario: '14-',
    pattern: /\] GET \/(?:internal\/logs|internal\/files\/output|experiment\/models): value/,
    reason: 'These answers repeat the log, the files and the paths of one machine at one time.',
  },
];

/** Differences on purpose that no recording shows. */
export const BEYOND_THE_RECORDINGS: readonly { readonly title: string; readonly reason: string }[] = [
  {
    title: 'A node without inputs',
    reason:
      'A real server accepts a prompt in which an unconnected node has no `inputs` object, and its executor dies of it. The engine answers 400 `invalid_prompt`.',
  },
  {
    title: 'Paths',
    reason:
      'Uploads, `/view`, save prefixes and input names cannot leave their folders, by symbolic links neither. A real LoadImage follows `../`.',
  },
  {
    title: 'File names in one folder',
    reason:
      'A file name is claimed by creating the file, so two engines that share an output folder never write into the same file; real servers race.',
  },
  {
    title: 'Numbers',
    reason: 'Python writes a whole float as `1.0`, JavaScript as `1`. Clients that parse JSON see the same number.',
  },
  {
    title: 'Log subscriptions',
    reason: '`PATCH /internal/logs/subscribe` does not exist; ComfyUI declares these routes unstable.',
  },
];

/** The entry that explains a difference; null when none does. */
export function explanationFor(recording: Recording, difference: string): DeliberateDifference | null {
  const found = DELIBERATE_DIFFERENCES.find(
    ({ pattern, scenario }) =>
      (scenario === undefined || recording.scenario.startsWith(scenario)) && pattern.test(difference),
  );
  return found ?? null;
}
