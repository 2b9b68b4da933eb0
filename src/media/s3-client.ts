import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';

export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** Of another server than Amazon's. */
  readonly endpoint?: string | undefined;
  /** Bucket in the path instead of in the host name; most other servers want it. */
  readonly forcePathStyle?: boolean | undefined;
  /** Before every key, for a bucket that is shared. */
  readonly prefix?: string | undefined;
  /** Unless given, credentials come from where Amazon's tools look for them. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
}

/** The SDK takes 200 ms to load, and most installations keep their files in a folder. */
export type S3Sdk = Awaited<ReturnType<typeof loadSdk>>;

export async function loadSdk() {
  const [client, storage, presigner] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/lib-storage'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  return { ...client, Upload: storage.Upload, getSignedUrl: presigner.getSignedUrl };
}

const CONNECT_MS = 5_000;
/** Nothing moves for so long: as long as the HTTP server grants those who read slowly. */
const IDLE_MS = 150_000;

export function createClient(sdk: S3Sdk, settings: S3Settings): S3Client {
  const { region, endpoint, forcePathStyle, accessKeyId, secretAccessKey } = settings;
  const config: S3ClientConfig = {
    region,
    // Otherwise streamed writes carry a trailing checksum that other servers than Amazon's refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: IDLE_MS },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  };
  return new sdk.S3Client(config);
}
