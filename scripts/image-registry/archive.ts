/** Layers, and the archive that `docker load` takes: an OCI image layout with Docker's manifest.json, as `docker save` writes it. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Tree } from './tree.ts';

export interface Layer {
  diffId: string;
  digest: string;
  size: number;
  /** Its compressed form. */
  file: string;
  comment: string;
}

function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** Compresses a layer, or finds in `cache` that it was compressed before: some 100 MB take seconds. */
export function makeLayer(tar: Buffer, comment: string, cache: string): Layer {
  const diffId = digestOf(tar);
  const file = join(cache, `${diffId.slice('sha256:'.length)}.tar.gz`);
  if (!existsSync(file)) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, gzipSync(tar, { level: 9 }));
    renameSync(`${file}.${process.pid}`, file);
  }
  const data = readFileSync(file);
  return { diffId, digest: digestOf(data), size: data.length, file, comment };
}

/** Removes what earlier builds left in `cache`. */
export function forgetOthers(cache: string, layers: readonly Layer[]): void {
  const kept = new Set(layers.map(({ file }) => file));
  for (const name of readdirSync(cache)) {
    const file = join(cache, name);
    if (!kept.has(file) && name.endsWith('.tar.gz')) rmSync(file);
  }
}

const types = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/** `digest`: of the image's manifest. */
export async function imageArchive(
  config: object,
  layers: readonly Layer[],
  tag: string,
): Promise<{ digest: string; data: Buffer }> {
  const tree = new Tree();
  const blobPath = (digest: string): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;
  const add = (mediaType: string, data: Buffer): { mediaType: string; digest: string; size: number } => {
    const digest = digestOf(data);
    tree.file(`/${blobPath(digest)}`, data);
    return { mediaType, digest, size: data.length };
  };
  const configBlob = add(types.config, Buffer.from(JSON.stringify(config)));
  const layerBlobs = layers.map(({ file }) => add(types.layer, readFileSync(file)));
  const manifest = add(
    types.manifest,
    Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config: configBlob, layers: layerBlobs }),
    ),
  );
  const annotations = {
    'io.containerd.image.name': `docker.io/library/${tag}`,
    'org.opencontainers.image.ref.name': tag.split(':')[1],
  };
  const index = { schemaVersion: 2, mediaType: types.index, manifests: [{ ...manifest, annotations }] };
  tree.file('/index.json', JSON.stringify(index));
  tree.file('/oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  const docker = {
    Config: blobPath(configBlob.digest),
    RepoTags: [tag],
    Layers: layers.map(({ digest }) => blobPath(digest)),
  };
  tree.file('/manifest.json', JSON.stringify([docker]));
  return { digest: manifest.digest, data: await tree.tar() };
}
