import { join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { ConfigError } from '../core/errors.js';
import { definedOnly } from '../core/objects.js';
import { FileMediaStore } from './file-store.js';
import { S3MediaStore } from './s3-store.js';
import type { MediaStore } from './store.js';

export interface MediaPlaces {
  readonly store: MediaStore;
  readonly spool: FileMediaStore;
}

interface PlaceSettings {
  readonly store: 'file' | 's3';
  readonly s3: {
    readonly bucket?: string | undefined;
    readonly region: string;
    readonly endpoint?: string | undefined;
    readonly forcePathStyle?: boolean | undefined;
    readonly prefix: string;
    readonly accessKeyId?: string | undefined;
    readonly secretAccessKey?: string | undefined;
  };
}

/** The configured store, and the folder in which files are looked at. Touches neither. Throws `config_invalid`. */
export function mediaPlaces(settings: PlaceSettings, dataDir: string, clock: Clock): MediaPlaces {
  const spool = new FileMediaStore({ root: join(dataDir, 'media'), clock });
  if (settings.store === 'file') return { store: spool, spool };
  const { bucket, region, prefix, endpoint, forcePathStyle, accessKeyId, secretAccessKey } = settings.s3;
  if (bucket === undefined)
    throw new ConfigError('config_invalid', 'media.store is s3, but media.s3.bucket is not set.', {
      hint: 'Name the bucket, for example EASEL_MEDIA_S3_BUCKET=pictures.',
    });
  const optional = definedOnly({ endpoint, forcePathStyle, accessKeyId, secretAccessKey });
  return { store: new S3MediaStore({ clock, bucket, region, prefix, ...optional }), spool };
}
