/** Where an S3 storage is and how it is talked to, and the client made from that. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { EngineError } from '../../errors/engine-error.ts';

export interface S3StorageOptions {
  bucket: string;
  /** `us-east-1` unless told. */
  region?: string;
  /** URL of a service that is not Amazon's; without a scheme, `secure` chooses it. */
  endpoint?: string;
  /** Absent: what the AWS SDK finds in the environment, its files or the machine's role. */
  accessKey?: string;
  secretKey?: string;
  sessionToken?: string;
  /** What all keys begin with; '' for nothing. */
  prefix?: string;
  /** The bucket stands in the path instead of the host's name; as is the default with an `endpoint`. */
  pathStyle?: boolean;
  /** HTTPS, where `endpoint` names no scheme; true unless told. */
  secure?: boolean;
  /** The endpoint's certificate is not checked. */
  skipVerify?: boolean;
  /** Objects are encrypted by the service: with `keyId` by KMS, else by the service's own key. */
  encrypt?: boolean;
  keyId?: string;
  /** Of the blobs' bytes; documents are in the bucket's default class. */
  storageClass?: string;
  /** Bytes of one part of an upload, at least 5 MiB; 10 MiB unless told. */
  chunkSize?: number;
  /**
   * Milliseconds: the least grace that collections of this bucket are given, by whatever instance. A use of a blob is noted once the last
   * noted one is older than half of it. An hour unless told.
   */
  grace?: number;
}

const mebibyte = 1024 * 1024;
/** The service's bounds (Amazon S3 user guide, "Multipart upload limits"). */
export const minPartSize = 5 * mebibyte;
export const maxPartSize = 5 * 1024 * mebibyte;
export const maxParts = 10_000;
const defaultPartSize = 10 * mebibyte;
const defaultGrace = 3_600_000;
const timeouts = { connectionTimeout: 10_000, socketTimeout: 60_000 };
const maxSockets = 128;

/** EngineError `invalid-argument` where a part would be larger or smaller than the service takes. */
export function partSizeOf({ chunkSize = defaultPartSize }: S3StorageOptions): number {
  if (Number.isSafeInteger(chunkSize) && chunkSize >= minPartSize && chunkSize <= maxPartSize)
    return chunkSize;
  throw new EngineError('invalid-argument', `the chunk size ${chunkSize} is not between 5 MiB and 5 GiB`, {
    hint: 'set chunksize of the S3 storage to bytes between 5242880 and 5368709120, or leave it out',
  });
}

export function graceOf({ grace = defaultGrace }: S3StorageOptions): number {
  return grace;
}

/** `https://HOST` of the service; '' for Amazon's own. */
export function endpointOf({ endpoint = '', secure = true }: S3StorageOptions): string {
  if (endpoint === '' || /^https?:\/\//i.test(endpoint)) return endpoint;
  return `${secure ? 'https' : 'http'}://${endpoint}`;
}

function credentialsOf(options: S3StorageOptions): Pick<S3ClientConfig, 'credentials'> {
  const { accessKey = '', secretKey = '', sessionToken } = options;
  if (accessKey === '' && secretKey === '') return {};
  return {
    credentials: {
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      ...(sessionToken === undefined || sessionToken === '' ? {} : { sessionToken }),
    },
  };
}

/** A client with the SDK's own retries (throttling, broken connections). */
export function openS3Client(options: S3StorageOptions): S3Client {
  const endpoint = endpointOf(options);
  const isForeign = endpoint !== '';
  const checksums = isForeign ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED';
  return new S3Client({
    region: options.region || 'us-east-1',
    ...(isForeign ? { endpoint } : {}),
    ...credentialsOf(options),
    forcePathStyle: options.pathStyle ?? isForeign,
    maxAttempts: 4,
    // Other services seldom know Amazon's newer checksums. Answers are checked by their digests.
    requestChecksumCalculation: checksums,
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      ...timeouts,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: {
        keepAlive: true,
        maxSockets,
        ...(options.skipVerify === true ? { rejectUnauthorized: false } : {}),
      },
    },
  });
}
