import { z } from 'zod';
import { bytes, count, MIB, section } from './fields.js';

/** Where it listens, who gets in, and how much at a time. */
export const httpSection = section({
  host: z.string().min(1).default('127.0.0.1').meta({ description: 'Address to listen on.' }),
  port: z.int().min(0).max(65_535).default(8288).meta({ description: 'Port to listen on; 0 takes any free one.' }),
  allowedHosts: z.array(z.string().min(1)).default([]).meta({
    description:
      'Further host names that it answers under, for a proxy that passes its own on. Others are refused, so that web pages of strangers cannot reach it.',
  }),
  requireKeys: z.boolean().optional().meta({
    description:
      'Ask every request for a key. Unless given, on every address but those of this machine, where whoever gets there is the account `local` and may do everything.',
  }),
  ratePerMinute: count(1_200, 10_000_000, 'Requests per minute of a key that has no limit of its own, on each node.'),
  maxConcurrent: count(64, 100_000, 'Requests at a time of a key that has no limit of its own, on each node.'),
  maxStreams: count(200, 100_000, 'Event streams at a time of one key, on each node.'),
  maxBodyBytes: bytes(32 * MIB, 'Largest request body.'),
  maxUploadBytes: bytes(100 * MIB, 'Largest uploaded file.'),
});
