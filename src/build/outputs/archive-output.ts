/** Outputs `docker` and `oci`: an archive that `docker load` reads, and an OCI image layout. */
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import type { SavePlan } from '../../images/transfer-types.ts';
import { digestHex } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import {
  canonicalReference,
  familiarReference,
  parseReference,
  withDefaultTag,
} from '../../oci/reference.ts';
import type { BuildOutput, BuildResult } from '../build-types.ts';
import type { BuiltImage } from '../built-image.ts';
import { descriptorOf, indexOf, metadataOf, type WrittenImage, writeImages } from './image-manifests.ts';
import { annotationsOf, flagOf, formOf } from './output-options.ts';

type ArchiveOutput = Extract<BuildOutput, { kind: 'tar' | 'docker' | 'oci' }>;

/** EngineError `invalid-argument` for several platforms in Docker's archive, which has room for one. */
export async function writeArchive(
  transfers: ImageTransfers,
  lease: BuildLease,
  images: readonly BuiltImage[],
  output: ArchiveOutput,
  signal: AbortSignal,
): Promise<Partial<BuildResult>> {
  const { kind, names, attributes = {} } = output;
  if (kind === 'docker' && images.length > 1) {
    throw new EngineError('invalid-argument', 'docker exporter does not support exporting manifest lists', {
      hint: 'use an output of type oci for several platforms',
    });
  }
  const annotations = annotationsOf(output.annotations);
  const isOci = flagOf(attributes, 'oci-mediatypes') ?? true;
  const written = await writeImages(
    transfers,
    lease,
    images,
    { form: formOf(attributes), isOci, annotations },
    signal,
  );
  const index = written.length > 1 ? indexOf(written, annotations.of('index')) : undefined;
  const top = index ?? written[0]?.manifest;
  if (top === undefined) throw new EngineError('internal', 'an archive of no image');
  const plan: SavePlan = { blobs: new Map(), documents: new Map() };
  for (const image of written) {
    plan.blobs.set(image.manifest.digest, image.manifest.data);
    for (const { digest } of [image.config, ...image.layers]) plan.blobs.set(digest, undefined);
  }
  if (index !== undefined) plan.blobs.set(index.digest, index.data);
  const entry = index === undefined ? descriptorOf(written[0] as WrittenImage) : undefined;
  const base = entry ?? { mediaType: top.mediaType, digest: top.digest, size: top.data.length };
  const own = annotations.of('index-descriptor');
  for (const [name, document] of documentsOf(kind, written, named(base, names, own), names))
    plan.documents.set(name, Buffer.from(JSON.stringify(document)));
  await pipeline(transfers.archive(plan), await output.open(), { signal });
  return { manifestDigest: top.digest, metadata: metadataOf(written, top) };
}

/** One entry of `index.json` a name: by these annotations containerd, Docker, podman and skopeo find an image in a layout. */
function named(entry: object, names: readonly string[], own: Record<string, string>): object[] {
  if (names.length === 0) return [Object.keys(own).length === 0 ? entry : { ...entry, annotations: own }];
  return names.map((name) => {
    const reference = withDefaultTag(parseReference(name));
    const annotations = {
      ...own,
      'io.containerd.image.name': canonicalReference(reference),
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    };
    return { ...entry, annotations };
  });
}

function documentsOf(
  kind: ArchiveOutput['kind'],
  written: readonly WrittenImage[],
  manifests: readonly object[],
  names: readonly string[],
): Array<[string, unknown]> {
  const layout: Array<[string, unknown]> = [
    ['index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }],
    ['oci-layout', { imageLayoutVersion: '1.0.0' }],
  ];
  if (kind !== 'docker') return layout;
  const tags = names.map((name) => familiarReference(withDefaultTag(parseReference(name))));
  return [
    ...layout,
    [
      'manifest.json',
      written.map(({ config, layers }) => ({
        Config: blobPath(config.digest),
        RepoTags: tags.length === 0 ? null : tags,
        Layers: layers.map(({ digest }) => blobPath(digest)),
      })),
    ],
  ];
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digestHex(digest)}`;
}
