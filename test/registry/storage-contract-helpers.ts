/** How the storage contract pushes, and what it asks again and again. */
import assert from 'node:assert/strict';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type {
  CollectOptions,
  RegistryStorage,
  StoredBlob,
  StoredManifest,
} from '../../src/registry/registry-types.ts';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';

export const everything: CollectOptions = { grace: 0, untagged: false, dryRun: false };

/** Uploads `data` in one piece. Returns its digest. */
export async function pushBlob(
  storage: RegistryStorage,
  repository: string,
  data: Buffer | string,
): Promise<StoredBlob> {
  const bytes = Buffer.from(data);
  const upload = await storage.beginUpload(repository);
  await upload.write(bytes);
  return await upload.commit(digestOf(bytes));
}

export interface PushedManifest {
  references?: string[];
  subject?: string;
  tags?: string[];
  /** Makes the bytes unlike others'. */
  note?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
  mediaType?: string;
}

/** Puts a manifest whose bytes name what it refers to. */
export async function pushManifest(
  storage: RegistryStorage,
  repository: string,
  manifest: PushedManifest,
): Promise<StoredManifest> {
  const { references = [], subject, tags = [], note, artifactType, annotations } = manifest;
  const data = Buffer.from(JSON.stringify({ schemaVersion: 2, references, subject, note }));
  return await storage.putManifest(
    repository,
    {
      digest: digestOf(data),
      mediaType: manifest.mediaType ?? manifestType,
      references,
      ...(subject === undefined ? {} : { subject }),
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    data,
    tags,
  );
}

/** A config, a layer and a manifest over both. */
export async function pushImage(
  storage: RegistryStorage,
  repository: string,
  name: string,
  tags: string[],
): Promise<{ manifest: string; blobs: string[] }> {
  const config = await pushBlob(storage, repository, `config of ${name}`);
  const layer = await pushBlob(storage, repository, `layer of ${name}`);
  const blobs = [config.digest, layer.digest];
  const { digest } = await pushManifest(storage, repository, { references: blobs, tags, note: name });
  return { manifest: digest, blobs };
}

/** The bytes that a reader gets. */
export async function bytesOf(storage: RegistryStorage, digest: string): Promise<string> {
  const chunks = await (await storage.open(digest)).toArray();
  return Buffer.concat(chunks.map((chunk: Uint8Array) => Buffer.from(chunk))).toString();
}

/** Does someone get the whole blob? */
export async function isStored(storage: RegistryStorage, digest: string): Promise<boolean> {
  try {
    assert.equal(digestOf(await bytesOf(storage, digest)), digest);
    return true;
  } catch (error) {
    if (isEngineError(error, 'not-found')) return false;
    throw error;
  }
}

export async function tagNames(storage: RegistryStorage, repository: string): Promise<string[] | undefined> {
  return (await storage.tags(repository, { limit: 1000 }))?.map(({ name }) => name);
}
