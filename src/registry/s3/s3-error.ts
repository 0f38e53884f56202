/** What went wrong with the object storage, as an EngineError that says what to check. */
import { EngineError, type ErrorCode, errnoOf, isEngineError, messageOf } from '../../errors/engine-error.ts';

export interface S3Place {
  bucket: string;
  /** '' for Amazon's own. */
  endpoint: string;
  region: string;
}

interface Verdict {
  code: ErrorCode;
  message: string;
  hint: string;
}

/** The service's name for the error (Amazon S3 API reference, "Error responses"). */
export function s3ErrorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return 0;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return 0;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : 0;
}

/** Is it the absence of an object, or of a multipart upload? */
export function isMissing(error: unknown): boolean {
  if (s3ErrorName(error) === 'NoSuchBucket') return false;
  return ['NoSuchKey', 'NotFound', 'NoSuchUpload'].includes(s3ErrorName(error)) || statusOf(error) === 404;
}

const credentialErrors = new Set([
  'AccessDenied',
  'AccountProblem',
  'CredentialsProviderError',
  'ExpiredToken',
  'Forbidden',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
const regionErrors = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
]);
const throttles = new Set([
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'TooManyRequestsException',
]);
const fullErrors = new Set(['EntityTooLarge', 'QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage']);

function verdictOf(error: unknown, place: S3Place): Verdict {
  const name = s3ErrorName(error);
  const status = statusOf(error);
  const where = place.endpoint === '' ? `Amazon S3 in ${place.region}` : place.endpoint;
  const said = messageOf(error) === name ? name : `${name}: ${messageOf(error)}`;
  if (name === 'NoSuchBucket')
    return {
      code: 'unavailable',
      message: `there is no bucket ${place.bucket} at ${where}`,
      hint: 'make the bucket, or correct bucket, region and regionendpoint of the S3 storage',
    };
  if (credentialErrors.has(name) || status === 401 || status === 403)
    return {
      code: 'unavailable',
      message: `${where} does not let us use the bucket ${place.bucket}: ${said}`,
      hint: "check accesskey and secretkey of the S3 storage, the bucket's policy, and this machine's clock",
    };
  if (regionErrors.has(name) || status === 301)
    return {
      code: 'unavailable',
      message: `the bucket ${place.bucket} is not in the region ${place.region}: ${said}`,
      hint: 'set region (and regionendpoint) of the S3 storage to where the bucket is',
    };
  if (fullErrors.has(name) || status === 507)
    return {
      code: 'resource-exhausted',
      message: `the bucket ${place.bucket} at ${where} takes no more: ${said}`,
      hint: "raise the bucket's quota, or collect garbage",
    };
  if (throttles.has(name) || status === 429 || status === 503)
    return {
      code: 'unavailable',
      message: `${where} asks for fewer requests: ${said}`,
      hint: 'try again later',
    };
  return {
    code: 'unavailable',
    message: `the bucket ${place.bucket} at ${where} cannot be used: ${said}`,
    hint:
      status === 0
        ? `check regionendpoint of the S3 storage, and that this host reaches it (${errnoOf(error) ?? name})`
        : "look at the object storage's own log",
  };
}

/** `unavailable` with what to check, `resource-exhausted` where the storage is full. EngineErrors stay as they are. */
export function s3Error(error: unknown, place: S3Place): EngineError {
  if (isEngineError(error)) return error;
  const { code, message, hint } = verdictOf(error, place);
  return new EngineError(code, message, { hint, cause: error, details: { status: statusOf(error) } });
}
