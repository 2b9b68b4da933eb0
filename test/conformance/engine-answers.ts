import { readPythonJson } from '../../src/embedded/python-json.js';
import type { Answer } from './engine-client.js';
import type { Frame } from './engine-frames.js';
import type { Matcher } from './engine-match.js';
import type { Message, RecordedEvent } from './engine-recording.js';

/** Differences between a recorded answer and the engine's, of which the status is known to agree. */
export function compareAnswers(event: RecordedEvent, answer: Answer, matcher: Matcher): string[] {
  return [...compareHeaders(event.headers ?? {}, answer.headers), ...compareBodies(event, answer, matcher)];
}

function compareBodies(event: RecordedEvent, answer: Answer, matcher: Matcher): string[] {
  if (event.method === 'HEAD') return [];
  const json = recordedJson(event);
  if (json !== undefined) {
    const actual = readJson(answer.body);
    if (actual === undefined) return [`body: no JSON: ${answer.body.toString('utf8', 0, 200)}`];
    return matcher.compare(json, actual);
  }
  if (event.text !== undefined) {
    const plain = (text: string) => text.replace(/actual body size \d+/, 'actual body size N');
    const actual = answer.body.toString('utf8');
    return plain(event.text) === plain(actual) || isHtml(event)
      ? []
      : [`text: recorded ${event.text}, engine ${actual}`];
  }
  if (event.hex64 !== undefined) return compareBytes(event, answer);
  return [];
}

export function recordedFrame(event: RecordedEvent): Frame {
  if (event.bin) return { kind: 'binary', hex: event.hex64!, length: event.length! };
  const message = event.msg ?? (readPythonJson(event.text!) as unknown as Message);
  return { kind: 'message', message };
}

export function recordedJson(event: RecordedEvent): unknown {
  if (event.json !== undefined) return event.json;
  const isJson = event.headers?.['content-type']?.startsWith('application/json');
  return isJson && event.text ? readPythonJson(event.text) : undefined;
}

export function readJson(body: Buffer): unknown {
  try {
    return readPythonJson(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isHtml(event: RecordedEvent): boolean {
  return event.headers?.['content-type']?.startsWith('text/html') === true;
}

const COMPARED_HEADERS = [
  'content-type',
  'content-disposition',
  'accept-ranges',
  'allow',
  'cache-control',
  'connection',
];
const PRESENT_HEADERS = ['etag', 'last-modified'];

function compareHeaders(recorded: Answer['headers'], actual: Answer['headers']): string[] {
  const differences = COMPARED_HEADERS.filter((name) => {
    // The recorder kept connections; the replay opens one per request.
    if (name === 'connection' && recorded[name] === undefined) return false;
    return recorded[name] !== actual[name];
  }).map((name) => `header ${name}: recorded ${recorded[name]}, engine ${actual[name]}`);
  const missing = PRESENT_HEADERS.filter((name) => (recorded[name] === undefined) !== (actual[name] === undefined));
  const range = (value: string | undefined) => value?.replace(/\d+$/, 'N');
  const ranges =
    range(recorded['content-range']) === range(actual['content-range']) ? [] : ['header content-range differs'];
  return [...differences, ...missing.map((name) => `header ${name}: present on one side only`), ...ranges];
}

const PNG_HEADER_BYTES = 33;

/** Encoders differ, so of pictures only the header counts; and the text after it, where there is some. */
function compareBytes(event: RecordedEvent, answer: Answer): string[] {
  const recorded = Buffer.from(event.hex64!, 'hex');
  const actual = answer.body.subarray(0, recorded.length);
  const type = event.headers?.['content-type'] ?? '';
  if (type === 'image/png') {
    const hasText = recorded.toString('latin1', PNG_HEADER_BYTES + 4, PNG_HEADER_BYTES + 8) === 'tEXt';
    const end = hasText ? recorded.length : PNG_HEADER_BYTES;
    const isUpload = event.path?.includes('type=input');
    return isUpload || recorded.subarray(0, end).equals(actual.subarray(0, end))
      ? []
      : [`bytes: recorded ${event.hex64}, engine ${actual.toString('hex')}`];
  }
  if (type.startsWith('image/')) {
    return recorded.subarray(0, 3).equals(actual.subarray(0, 3)) ? [] : ['bytes: another picture format'];
  }
  return recorded.equals(actual) && event.length === answer.body.length ? [] : ['bytes differ'];
}

export function describeFrame(frame: Frame | undefined): string {
  if (!frame) return 'nothing';
  if (frame.kind === 'binary') return `binary ${frame.hex.slice(0, 16)}`;
  const { type, data } = frame.message;
  return `${type} ${JSON.stringify(data, (_, value) => (typeof value === 'bigint' ? String(value) : value)).slice(0, 160)}`;
}
