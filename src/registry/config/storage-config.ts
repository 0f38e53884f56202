/** `storage`: exactly one place to keep what is pushed. */
import { type ConfigurationFile, foreignDrivers } from './keys.ts';
import { type Refuse, without } from './refuse.ts';
import type { FilesystemConfig, S3Config } from './registry-config.ts';

/** Where the registry keeps everything when it is told nothing, and where the file system is named without a directory (as distribution has it). */
const defaultDirectories = { untold: '/var/lib/gantry-registry', filesystem: '/var/lib/registry' };

type StorageKeys = NonNullable<ConfigurationFile['storage']>;

export function toStorage(storage: StorageKeys = {}, refuse: Refuse): FilesystemConfig | S3Config {
  for (const driver of foreignDrivers) {
    if (storage[driver] === undefined) continue;
    return refuse(
      ['storage', driver],
      `there is no storage driver ${driver}`,
      'Use filesystem, or s3, which most object storages speak.',
      'not-implemented',
    );
  }
  const places = (['filesystem', 's3', 's3aws', 'inmemory'] as const).filter(
    (one) => storage[one] !== undefined,
  );
  if (places.length > 1) {
    return refuse(
      ['storage'],
      `must provide exactly one storage type. Provided: ${places.join(', ')}`,
      'Set REGISTRY_STORAGE to the one that is meant, or take the other from the file.',
    );
  }
  if (storage.inmemory !== undefined) return { kind: 'filesystem', directory: '', temporary: true };
  const s3 = storage.s3 ?? storage.s3aws;
  if (s3 !== undefined) return toS3(s3, storage.s3 === undefined ? 's3aws' : 's3', refuse);
  return {
    kind: 'filesystem',
    directory:
      storage.filesystem === undefined
        ? defaultDirectories.untold
        : storage.filesystem.rootdirectory || defaultDirectories.filesystem,
    temporary: false,
  };
}

function toS3(s3: NonNullable<StorageKeys['s3']>, key: string, refuse: Refuse): S3Config {
  if (s3.bucket === undefined || s3.bucket === '')
    return refuse(['storage', key], 'bucket is missing', 'Name the bucket: REGISTRY_STORAGE_S3_BUCKET.');
  const endpoint = toEndpoint(s3);
  if (endpoint === undefined && (s3.region === undefined || s3.region === ''))
    return refuse(['storage', key], 'region is missing', 'Name the region: REGISTRY_STORAGE_S3_REGION.');
  return {
    kind: 's3',
    bucket: s3.bucket,
    region: s3.region || 'us-east-1',
    prefix: (s3.rootdirectory ?? '').replace(/^\/+|\/+$/g, ''),
    // Other services than Amazon's seldom have a host name for each bucket.
    pathStyle: s3.forcepathstyle ?? endpoint !== undefined,
    skipVerify: s3.skipverify ?? false,
    encrypt: s3.encrypt ?? false,
    ...without({
      endpoint,
      accessKey: s3.accesskey || undefined,
      secretKey: s3.secretkey || undefined,
      sessionToken: s3.sessiontoken || undefined,
      keyId: s3.keyid || undefined,
      storageClass: s3.storageclass === 'NONE' ? undefined : s3.storageclass,
      chunkSize: s3.chunksize,
    }),
  };
}

function toEndpoint({
  regionendpoint = '',
  secure = true,
}: NonNullable<StorageKeys['s3']>): string | undefined {
  if (regionendpoint === '' || /^https?:\/\//i.test(regionendpoint)) return regionendpoint || undefined;
  return `${secure ? 'https' : 'http'}://${regionendpoint}`;
}
