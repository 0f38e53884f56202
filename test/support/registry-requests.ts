/** Plain requests to a registry, for tests that look at bytes. */
import assert from 'node:assert/strict';
import { digestOf } from './image-fixtures.ts';

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

export interface FetchedManifest {
  digest: string;
  mediaType: string;
  text: string;
}

/** What a registry answers for `repository:reference`, with its digest checked. */
export async function getManifest(
  url: string,
  repository: string,
  reference: string,
): Promise<FetchedManifest> {
  const answer = await fetch(`${url}/v2/${repository}/manifests/${reference}`, {
    headers: { accept: manifestTypes },
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${repository}:${reference} of ${url}: ${text}`);
  const digest = digestOf(Buffer.from(text));
  assert.equal(answer.headers.get('docker-content-digest'), digest);
  return { digest, mediaType: answer.headers.get('content-type') ?? '', text };
}

interface Descriptors {
  config?: { digest: string };
  layers?: Array<{ digest: string }>;
  manifests?: Array<{ digest: string }>;
}

/** Asserts that the manifest and all that it leads to is in both registries, byte for byte the same. */
export async function assertSameImage(
  from: { url: string; repository: string; reference: string },
  to: { url: string; repository: string; reference: string },
): Promise<void> {
  const one = await getManifest(from.url, from.repository, from.reference);
  const other = await getManifest(to.url, to.repository, to.reference);
  assert.equal(other.text, one.text);
  assert.equal(other.mediaType, one.mediaType);
  const { config, layers = [], manifests = [] }: Descriptors = JSON.parse(one.text);
  for (const { digest } of manifests)
    await assertSameImage({ ...from, reference: digest }, { ...to, reference: digest });
  const blobs = config === undefined ? layers : [config, ...layers];
  for (const { digest } of blobs) await assertBlob(to.url, to.repository, digest);
}

/** Asserts that the blob is there, and that its bytes are those that its digest says. */
export async function assertBlob(url: string, repository: string, digest: string): Promise<void> {
  const answer = await fetch(`${url}/v2/${repository}/blobs/${digest}`);
  const data = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, `${digest} in ${repository} of ${url}: ${data.subarray(0, 300)}`);
  assert.equal(digestOf(data), digest);
}
