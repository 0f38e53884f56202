/** Image manifests and indexes (OCI image-spec, manifest.md and image-index.md; Docker schema 2), parsed and checked. */
import { EngineError } from '../errors/engine-error.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { parseDigest } from './digest.ts';
import { manifestKind, mediaTypes } from './media-types.ts';
import { normalizePlatform, type Platform } from './platform.ts';

export interface Descriptor {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  platform?: Platform;
  annotations?: Record<string, string>;
  /** Where else the content may be had from. */
  urls?: string[];
}

/** What manifests and indexes may say of themselves. */
interface DocumentFields {
  mediaType: string;
  artifactType?: string;
  /** The manifest that this one refers to. */
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

export interface Manifest extends DocumentFields {
  kind: 'manifest';
  config: Descriptor;
  /** Base layer first. */
  layers: Descriptor[];
}

export interface ManifestIndex extends DocumentFields {
  kind: 'index';
  manifests: Descriptor[];
}

function invalid(what: string): EngineError {
  return new EngineError('invalid-argument', `invalid image manifest: ${what}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsePlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return normalizePlatform({
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
  });
}

function parseAnnotations(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}

function parseDescriptor(value: unknown, what: string): Descriptor {
  if (!isObject(value)) throw invalid(`${what} is no descriptor`);
  const { mediaType, size } = value;
  if (typeof mediaType !== 'string') throw invalid(`${what} has no media type`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${what} has a bad size`);
  const platform = parsePlatform(value['platform']);
  const annotations = parseAnnotations(value['annotations']);
  const urls = parseUrls(value['urls']);
  return {
    mediaType,
    digest: parseDigest(value['digest']),
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(urls === undefined ? {} : { urls }),
  };
}

function parseUrls(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((url) => typeof url === 'string');
}

function parseFields(document: Record<string, unknown>, mediaType: string): DocumentFields {
  const { artifactType, subject } = document;
  const annotations = parseAnnotations(document['annotations']);
  return {
    mediaType,
    ...(typeof artifactType === 'string' && artifactType !== '' ? { artifactType } : {}),
    ...(subject === undefined || subject === null ? {} : { subject: parseDescriptor(subject, 'subject') }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function parseDescriptors(value: unknown, what: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`${what} is no list`);
  return value.map((item, index) => parseDescriptor(item, `${what}[${index}]`));
}

/** The document's own media type, else the one it was served with, else what its fields say. */
function effectiveType(document: Record<string, unknown>, served: string | undefined): string {
  const own = document['mediaType'];
  if (typeof own === 'string' && own !== '') return own;
  if (served !== undefined && manifestKind(served) !== 'unknown') return served;
  return 'manifests' in document ? mediaTypes.ociIndex : mediaTypes.ociManifest;
}

/**
 * Parses a manifest or an index. `served` is the Content-Type it came with.
 * EngineError `invalid-argument` where it is neither, `not-implemented` for the obsolete schema 1.
 */
export function parseManifest(data: Uint8Array, served?: string): Manifest | ManifestIndex {
  const document = parseBoundedJson(Buffer.from(data).toString('utf8'), 'invalid image manifest');
  if (!isObject(document)) throw invalid('not an object');
  const mediaType = effectiveType(document, served);
  const kind = manifestKind(mediaType);
  if (kind === 'schema1' || document['schemaVersion'] === 1) throw schema1();
  if (kind === 'unknown') throw invalid(`unsupported media type ${mediaType.slice(0, 200)}`);
  if (document['schemaVersion'] !== 2) throw invalid('its schemaVersion is not 2');
  // A document that reads as both could be taken for either by two readers (CVE-2021-41190).
  if ('manifests' in document && ('layers' in document || 'config' in document))
    throw invalid('it is ambiguous');
  const fields = parseFields(document, mediaType);
  if (kind === 'index')
    return { kind, ...fields, manifests: parseDescriptors(document['manifests'], 'manifests') };
  return {
    kind,
    ...fields,
    config: parseDescriptor(document['config'], 'config'),
    layers: parseDescriptors(document['layers'], 'layers'),
  };
}

function schema1(): EngineError {
  return new EngineError(
    'not-implemented',
    'Docker image manifest version 2, schema 1 is no longer supported',
    {
      hint: 'push the image again with a current tool, which writes schema 2 or OCI manifests',
    },
  );
}
