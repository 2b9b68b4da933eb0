import { v7 as uuidv7 } from 'uuid';

/**
 * New ids are UUIDv7: they sort by creation time, which keeps database indexes compact, and they are canonical lower-case
 * hyphenated UUIDs, the only form that ComfyUI 0.38 and later accept as a `prompt_id`.
 */
export function newId(): string {
  return uuidv7();
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(value: string): boolean {
  return UUID.test(value);
}
