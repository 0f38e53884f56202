/** Manifests as `docker manifest inspect` writes them. */
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { RemoteManifestRow, WirePlatform } from '../../wire/image.ts';

const indexTypes = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';

type Fields = Readonly<Record<string, unknown>>;

export function isIndex({ MediaType }: Pick<RemoteManifestRow, 'MediaType'>): boolean {
  return indexTypes.has(MediaType);
}

/** A manifest as it is, indented by tabs; of an index what says which images it has, indented by three spaces. */
export function manifestText(row: RemoteManifestRow): string {
  const document = parse(row);
  return isIndex(row) ? `${goJson(indexDocument(document), 3)}\n` : `${goJson(document, '\t')}\n`;
}

function indexDocument({ schemaVersion, mediaType, manifests }: Fields): Fields {
  const entries = Array.isArray(manifests) ? manifests : [];
  return { schemaVersion, mediaType, manifests: entries.map(indexEntry) };
}

/** Docker's client writes these fields, in this order. */
function indexEntry(entry: unknown): Fields {
  const { mediaType, size, digest, platform } = fieldsOf(entry);
  return { mediaType, size, digest, platform: platformFields(platform) };
}

/** Platforms by digest, as an index has them. */
export function platformsOf(index: RemoteManifestRow): ReadonlyMap<string, PlatformFields> {
  const { manifests } = parse(index);
  const entries = (Array.isArray(manifests) ? manifests : []).map(fieldsOf);
  return new Map(
    entries.flatMap(
      ({ digest, platform }): Array<[string, PlatformFields]> =>
        typeof digest === 'string' && platform !== undefined ? [[digest, platformFields(platform)]] : [],
    ),
  );
}

/** `manifest inspect -v`: of an index each of its manifests, as a list. */
export function verboseText(rows: readonly RemoteManifestRow[], isList: boolean): string {
  const documents = rows.map(verboseDocument);
  return `${goJson(isList ? documents : documents[0], '\t')}\n`;
}

/** A manifest beside what its registry says of it: also what docker's client keeps of a list's images. */
export function verboseDocument(row: RemoteManifestRow) {
  return {
    Ref: row.Ref,
    Descriptor: {
      mediaType: row.MediaType,
      digest: row.Digest,
      size: row.Size,
      ...(row.Platform === undefined ? {} : { platform: platformFields(row.Platform) }),
    },
    Raw: row.Data,
    [row.MediaType === ociManifest ? 'OCIManifest' : 'SchemaV2Manifest']: parse(row),
  };
}

/** An image of a list that is being made, or all of them. */
export function storedText(stored: object): string {
  return `${goJson(stored, '\t')}\n`;
}

/** The manifest of an image of such a list, as its registry has it. */
export function storedManifestText({ Raw = '', Ref }: { Raw?: string; Ref: string }): string {
  const row = { Ref, MediaType: '', Digest: '', Size: 0, Data: Raw };
  return `${goJson(parse(row), '\t')}\n`;
}

/** A platform's fields in docker's order. */
export type PlatformFields = Fields & WirePlatform;

const platformOrder = ['os.version', 'os.features', 'variant', 'features'];

function platformFields(platform: unknown): PlatformFields {
  const known = fieldsOf(platform);
  const rest = platformOrder.flatMap((name) => (name in known ? [[name, known[name]]] : []));
  const text = (name: string): string => (typeof known[name] === 'string' ? known[name] : '');
  return { architecture: text('architecture'), os: text('os'), ...Object.fromEntries(rest) };
}

function parse({ Data, Ref }: RemoteManifestRow): Fields {
  try {
    return fieldsOf(JSON.parse(Buffer.from(Data, 'base64').toString()));
  } catch (error) {
    throw new EngineError('data-loss', `the manifest of ${Ref} is no JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Go's encoder also escapes what HTML might mistake. */
function goJson(value: unknown, indent: number | string): string {
  const text = JSON.stringify(value, null, indent);
  return text.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
