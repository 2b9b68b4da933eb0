import { EaselError, StorageError } from '../core/errors.js';
import { notFound } from './faults.js';

interface ServiceFault {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Make the bucket, or correct `media.s3.bucket`.',
  AccessDenied: 'Give this key read, write and delete permission for the bucket.',
  InvalidAccessKeyId: 'Correct `media.s3.accessKeyId`.',
  SignatureDoesNotMatch: 'Correct `media.s3.secretAccessKey`; look at `media.s3.region` too.',
  RequestTimeTooSkewed: 'Set the clock of this machine.',
  CredentialsProviderError: 'Set `media.s3.accessKeyId` and `media.s3.secretAccessKey`.',
  ECONNREFUSED: 'Check that the S3 server runs and `media.s3.endpoint` is right.',
  ENOTFOUND: 'Correct `media.s3.endpoint`.',
  TimeoutError: 'The S3 server does not answer in time.',
};

/** True for "there is no such object", which some servers say with a body and some without. */
export function isMissing(error: unknown): boolean {
  const { name, $metadata } = (error ?? {}) as ServiceFault;
  return name === 'NoSuchKey' || name === 'NotFound' || (name !== 'NoSuchBucket' && $metadata?.httpStatusCode === 404);
}

export function nameOf(error: unknown): string | undefined {
  const { name, code } = (error ?? {}) as ServiceFault;
  return code ?? name;
}

/** What the client threw, in our words. Errors of our own pass. */
export function s3Failed(action: string, error: unknown, hash?: string): Error {
  if (error instanceof EaselError) return error;
  if (hash !== undefined && isMissing(error)) return notFound(hash);
  const name = nameOf(error);
  const hint = name === undefined ? undefined : HINTS[name];
  return new StorageError('storage_failed', `Could not ${action} a media file on S3${name ? ` (${name})` : ''}.`, {
    cause: error,
    hint: hint ?? 'Look at the S3 server and the settings under `media.s3`.',
    ...(name === undefined ? {} : { details: { fault: name } }),
  });
}
