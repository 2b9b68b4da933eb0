import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';

const MAX_OWNER_BYTES = 60;

/** A new name for a staged file: `<owner>@<id>`. Anything but plain characters of the owner is escaped, `@` included. */
export function stagedName(owner: string): string {
  if (owner === '' || Buffer.byteLength(owner) > MAX_OWNER_BYTES)
    throw new EaselError('request_invalid', `The owner of a staged file must be 1 to ${MAX_OWNER_BYTES} bytes.`);
  return `${encodeURIComponent(owner)}@${newId()}`;
}

/** Null for a name that was not made here. */
export function ownerOf(name: string): string | null {
  const at = name.lastIndexOf('@');
  if (at <= 0) return null;
  try {
    return decodeURIComponent(name.slice(0, at));
  } catch {
    return null;
  }
}
