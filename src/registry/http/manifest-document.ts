/** A pushed manifest: what it is, what it needs, and what it refers to (OCI image-spec; distribution-spec, "Pushing Manifests"). */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { type Descriptor, type Manifest, type ManifestIndex, parseManifest } from '../../oci/manifest.ts';
import { manifestKind } from '../../oci/media-types.ts';
import type { RegistrySettings } from '../registry-types.ts';
import { registryError } from './registry-error.ts';

export interface PushedManifest {
  mediaType: string;
  /** What must be in the repository. */
  required: Descriptor[];
  /** Layers that may lie elsewhere; what of them is here must stay. */
  foreign: Descriptor[];
  subject?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** What says nothing of the kind of document. */
const vagueTypes = new Set(['', 'application/json', 'application/octet-stream']);
const foreignPattern = /\.nondistributable\.|\.foreign\./;

/** A `Content-Type` without its parameters. */
export function bareType(header: string | undefined): string {
  return header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function parse(data: Buffer, served: string): Manifest | ManifestIndex {
  try {
    return parseManifest(data, served === '' ? undefined : served);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw registryError('MANIFEST_INVALID', {
      message: error.message,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function checkType(document: Manifest | ManifestIndex, served: string): void {
  if (bareType(document.mediaType) !== document.mediaType)
    throw registryError('MANIFEST_INVALID', { message: 'its mediaType is not in its plain form' });
  if (vagueTypes.has(served) || served === document.mediaType) return;
  const message =
    manifestKind(served) === 'unknown'
      ? `unsupported manifest media type: ${served.slice(0, 200)}`
      : `its mediaType is ${document.mediaType}, but it was sent as ${served}`;
  throw registryError('MANIFEST_INVALID', { message, hint: "send the document's mediaType as Content-Type" });
}

function checkUrls(descriptors: readonly Descriptor[], rule: RegistrySettings['foreignUrls']): void {
  if (rule === undefined) return;
  const isAllowed = (url: string): boolean =>
    rule.allow.some((pattern) => pattern.test(url)) && !rule.deny.some((pattern) => pattern.test(url));
  for (const { urls = [], digest } of descriptors) {
    const bad = urls.find((url) => !isAllowed(url));
    if (bad === undefined) continue;
    throw registryError('MANIFEST_INVALID', {
      message: `invalid URL of a layer: ${bad.slice(0, 200)}`,
      detail: { digest },
      hint: 'push layers with URLs that the registry allows, or the layers themselves',
    });
  }
}

function isForeign({ mediaType, urls }: Descriptor): boolean {
  return foreignPattern.test(mediaType) && urls !== undefined && urls.length > 0;
}

/** MANIFEST_INVALID where it is none that this registry takes. `contentType` is the header. */
export function readPushedManifest(
  data: Buffer,
  contentType: string | undefined,
  foreignUrls: RegistrySettings['foreignUrls'],
): PushedManifest {
  const served = bareType(contentType);
  const document = parse(data, served);
  checkType(document, served);
  const named = document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
  checkUrls(named, foreignUrls);
  const artifactType =
    document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  return {
    mediaType: document.mediaType,
    required: named.filter((descriptor) => !isForeign(descriptor)),
    foreign: named.filter(isForeign),
    ...(document.subject === undefined ? {} : { subject: document.subject.digest }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
  };
}

/** The part of an index for clients that know no indexes, as distribution chooses it. EngineError `not-found`. */
export function defaultChild(data: Buffer): string {
  const index = parseManifest(data);
  const children = index.kind === 'index' ? index.manifests : [];
  const child = children.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64',
  );
  if (child !== undefined) return child.digest;
  throw new EngineError('not-found', 'manifest list found, but it has nothing for linux/amd64');
}
