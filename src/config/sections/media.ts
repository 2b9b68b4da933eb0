import { z } from 'zod';
import { bytes, MIB, MINUTE_MS, milliseconds, secretText, section } from './fields.js';

/** Stored files and derived ones: what docs/media.md explains. */
const countOrNone = (description: string) => z.int().min(0).max(1_000_000_000).default(0).meta({ description });

export const mediaSection = section({
  store: z
    .enum(['file', 's3'])
    .default('file')
    .meta({ description: 'Where files are kept: in `dataDir`, or in a bucket of an S3 service.' }),
  s3: section({
    bucket: z.string().min(1).optional().meta({ description: 'Name of the bucket. It must exist.' }),
    region: z.string().min(1).default('us-east-1').meta({ description: 'Region of the bucket.' }),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
      .optional()
      .meta({ description: "Address of the service, unless it is Amazon's.", secret: 'url' }),
    forcePathStyle: z.boolean().optional().meta({
      description: 'Bucket in the path instead of in the host name. Most services other than Amazon want it.',
    }),
    prefix: z.string().default('').meta({ description: 'Put before every key, for a bucket that is shared.' }),
    accessKeyId: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Unless given, credentials come from where Amazon's tools look for them." }),
    secretAccessKey: secretText('Belongs to `accessKeyId`.').optional(),
    redirect: z.boolean().default(false).meta({
      description:
        'Send readers of media to the bucket, by an address that is valid for 5 minutes, instead of passing the bytes through.',
    }),
  }),
  accept: z
    .array(z.string().regex(/^[a-z0-9.+-]+\/([a-z0-9.+-]+|\*)$/, 'expected a type like image/png or audio/*'))
    .default([
      'image/jpeg',
      'image/png',
      'image/apng',
      'image/webp',
      'image/gif',
      'image/avif',
      'video/*',
      'audio/*',
      'model/gltf-binary',
    ])
    .meta({ description: 'Types of files that may be sent in. What a file is, its bytes say.' }),
  maxImageBytes: bytes(64 * MIB, 'Largest picture that is sent in or derived from.'),
  maxMegapixels: z.number().min(0.1).max(1000).default(64).meta({
    description: 'Most pixels of a picture, in millions. Decoding takes about 4 bytes for each.',
  }),
  maxFrames: z.int().min(1).max(100_000).default(1000).meta({ description: 'Most frames of an animation.' }),
  urlTimeoutMs: milliseconds(30_000, 'Longest time to fetch a file from an address.', 100),
  quotaBytes: z.int().min(0).default(0).meta({
    description: 'Most bytes that the files of one account may take before uploads are refused; 0 is no limit.',
  }),
  keepDays: countOrNone('Files older than this are removed, unless they are pinned; 0 keeps them for ever.'),
  keepLatest: countOrNone('So many files of an account are kept, the newest, besides pinned ones; 0 keeps all.'),
  derivedKeepDays: z
    .int()
    .min(1)
    .max(10_000)
    .default(30)
    .meta({ description: 'Derived files that nobody asked for in so many days are removed; they can be made again.' }),
  urlMs: milliseconds(15 * MINUTE_MS, 'How long a signed address is valid unless told otherwise.', 1000),
  watermark: z
    .string()
    .regex(/^[A-Za-z0-9 .:/-]{1,40}$/, 'use up to 40 plain letters, digits, spaces and . : / -')
    .default('EASEL')
    .meta({ description: 'Written on pictures that are delivered under a plan with the perk `watermark`.' }),
  ffmpeg: z
    .string()
    .min(1)
    .default('ffmpeg')
    .meta({ description: 'The ffmpeg program, for frames of videos. It may be absent.' }),
  sweepMs: milliseconds(10 * MINUTE_MS, 'Pause between two sweeps.', 1000),
});

export const outboundSection = section({
  allow: z.array(z.string().min(1)).default([]).meta({
    description:
      'Hosts, addresses and networks that may be called on behalf of others although they are not on the public internet, for example `10.1.0.0/16`.',
  }),
});
