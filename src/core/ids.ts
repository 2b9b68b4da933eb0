import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';

/**
 * New ids are UUIDv7: they sort by creation time, which keeps database indexes compact, and they are canonical lower-case
 * hyphenated UUIDs, the only form that ComfyUI 0.38 and later accept as a `prompt_id`.
 */
export function newId(): string {
  return uuidv7();
}

/** Of Easel's own derived ids; made once, never to be changed. */
const NAMESPACE = '6f1f2a52-0e0b-4f0a-9c55-3f5b2f6a7d10';

/** The id of what these parts name: the same parts give the same id, at any time and on any node. */
export function derivedId(...parts: readonly string[]): string {
  return uuidv5(JSON.stringify(parts), NAMESPACE);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(value: string): boolean {
  return UUID.test(value);
}
