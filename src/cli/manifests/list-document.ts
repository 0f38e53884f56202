/** The index that a list of manifests becomes in a registry. */
import { EngineError } from '../../errors/engine-error.ts';
import { registryOf } from './manifest-reference.ts';
import type { StoredManifest } from './manifest-store.ts';

export interface ListDocument {
  mediaType: string;
  /** In the form in which docker's client sends it: three spaces of indent. */
  text: string;
}

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';

/**
 * The index over `manifests` for `listRef`. The first of them says whether it is OCI's or Docker's kind. EngineError `invalid-argument` for
 * images of other registries.
 */
export function listDocument(listRef: string, manifests: readonly StoredManifest[]): ListDocument {
  const registry = registryOf(listRef);
  const entries = manifests.map(({ Ref, Descriptor: { mediaType, size, digest, platform } }) => {
    if (registryOf(Ref) !== registry) throw otherRegistry(registryOf(Ref), registry);
    return { mediaType, size, digest, platform: platform ?? { architecture: '', os: '' } };
  });
  const isOci = entries[0]?.mediaType === ociManifest;
  const mediaType = isOci
    ? 'application/vnd.oci.image.index.v1+json'
    : 'application/vnd.docker.distribution.manifest.list.v2+json';
  return { mediaType, text: JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries }, null, 3) };
}

/** EngineError `invalid-argument` for an image whose platform nobody has told. */
export function checkPlatforms(manifests: readonly StoredManifest[]): void {
  for (const { Ref, Descriptor } of manifests) {
    if (Descriptor.platform?.architecture && Descriptor.platform.os) continue;
    const message = `manifest ${Ref} must have an OS and Architecture to be pushed to a registry`;
    throw new EngineError('invalid-argument', message, {
      hint: 'Say them with "gantry manifest annotate --os OS --arch ARCH".',
    });
  }
}

function otherRegistry(source: string, target: string): EngineError {
  const message = `cannot use source images from a different registry than the target image: ${source} != ${target}`;
  return new EngineError('invalid-argument', message, {
    hint: `Push the images to ${target} first.`,
  });
}
