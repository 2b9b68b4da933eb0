import { join } from 'node:path';
import { z } from 'zod';
import { EaselError } from '../core/errors.js';

/**
 * A backup is a folder:
 *
 *   manifest.json                    what is in it; written last, so a folder without one is no backup
 *   tables/<table>.ndjson.gz         one row per line, a JSON object by column; bytes as {"base64": "…"}
 *   media/<ab>/<hash>                the stored files, named by the SHA-256 of their bytes
 *
 * Derived files (thumbnails and the like) are not in it: they are made again when somebody asks for them. Nor is what is true
 * of one moment and one process only, such as nodes and locks.
 *
 * Nothing in it depends on the database that it was taken from: one of SQLite can be restored into PostgreSQL, and the
 * other way round. It holds what the database holds, secrets of webhooks included: it is written for its owner's eyes only.
 */
export const FORMAT_VERSION = 1;

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const manifestSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  createdAt: z.iso.datetime(),
  dialect: z.enum(['sqlite', 'postgres']),
  /** Number of the newest migration of the schema. */
  schemaVersion: count,
  /** In an order in which they can be filled. */
  tables: z.array(z.object({ name: z.string().regex(/^[a-z_]{1,63}$/), rows: count, sha256: hash })),
  media: z.object({ included: z.boolean(), objects: count, bytes: count }),
});
export type Manifest = z.output<typeof manifestSchema>;

export function parseManifest(text: string, path: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw notABackup(path, error);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw notABackup(path, parsed.error);
  return parsed.data;
}

export const manifestPath = (folder: string) => join(folder, 'manifest.json');
export const tablePath = (folder: string, table: string) => join(folder, 'tables', `${table}.ndjson.gz`);
export const objectPath = (folder: string, object: string) => join(folder, 'media', object.slice(0, 2), object);

export function notABackup(folder: string, cause?: unknown): EaselError {
  return new EaselError('file_unreadable', `${folder} holds no backup that this Easel can read.`, {
    hint: 'Name the folder that `easel backup` has written, as a whole.',
    cause,
  });
}
