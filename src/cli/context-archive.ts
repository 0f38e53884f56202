/** A context in one file: the tar archive that `context export` writes, and the tar or zip archive that `context import` reads. */
import { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import { type ContextDocument, type ContextStore, parseContextDocument } from './context-store.ts';

/** docker's bound, for files and for the archive. */
const sizeLimit = 10 * 1024 * 1024;
const epoch = new Date(0);

/** The archive of a context, keys included. EngineError `not-found` where there is no such context. */
export async function packContext(store: ContextStore, document: ContextDocument): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'meta.json', mode: 0o644, mtime: epoch }, JSON.stringify(document));
  const endpoints = Object.keys(store.tlsMaterial(document.Name));
  if (endpoints.length > 0) archive.entry({ name: 'tls', type: 'directory', mode: 0o700, mtime: epoch });
  for (const endpoint of endpoints) {
    archive.entry({ name: `tls/${endpoint}`, type: 'directory', mode: 0o700, mtime: epoch });
    for (const [file, content] of store.tlsFiles(document.Name, endpoint))
      archive.entry({ name: `tls/${endpoint}/${file}`, mode: 0o600, mtime: epoch }, content);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Puts the context of an archive into the store, under `name`. EngineErrors `invalid-argument`: nothing is stored then. */
export async function unpackContext(store: ContextStore, name: string, archive: Buffer): Promise<void> {
  const files = archive.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))
    ? (await import('./context-zip.ts')).unzip(archive, sizeLimit)
    : await untar(archive);
  const metadata = files.get('meta.json');
  if (metadata === undefined) throw new EngineError('invalid-argument', 'invalid context: no metadata found');
  const document = parseMetadata(metadata);
  const endpoints = tlsByEndpoint(files);
  store.write({ ...document, Name: name });
  for (const [endpoint, contents] of endpoints) store.writeTls(name, endpoint, contents);
}

function parseMetadata(metadata: Buffer): ContextDocument {
  try {
    return parseContextDocument(metadata.toString());
  } catch (error) {
    throw new EngineError('invalid-argument', `invalid context: meta.json: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** `tls/ENDPOINT/FILE`. Names come from elsewhere: what could lead out of its folder is refused. */
function tlsByEndpoint(files: ReadonlyMap<string, Buffer>): Map<string, Map<string, Buffer>> {
  const endpoints = new Map<string, Map<string, Buffer>>();
  for (const [path, content] of files) {
    if (path === 'meta.json') continue;
    const match = /^tls\/([^/\\]+)\/([^/\\]+)$/.exec(path);
    const [, endpoint = '', file = ''] = match ?? [];
    if (match === null || [endpoint, file].some((part) => part === '.' || part === '..'))
      throw new EngineError('invalid-argument', `${JSON.stringify(path)}: unexpected context file`);
    endpoints.set(endpoint, (endpoints.get(endpoint) ?? new Map()).set(file, content));
  }
  return endpoints;
}

/** Size of a block of a tar (pax, IEEE Std 1003.1). */
const block = 512;

async function untar(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  try {
    const entries = Readable.from([archive, missingEnd(archive)]).pipe(extract());
    for await (const entry of entries) {
      const { name, type } = entry.header;
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      if (type === 'directory') continue;
      if (type !== 'file')
        throw new EngineError('invalid-argument', `${JSON.stringify(name)}: unexpected context file`);
      files.set(name, Buffer.concat(chunks));
    }
  } catch (error) {
    if (isEngineError(error)) throw error;
    throw new EngineError('invalid-argument', `invalid context: ${messageOf(error)}`, { cause: error });
  }
  const last = [...files.values()].at(-1)?.length ?? 0;
  if (archive.length % block !== 0 && archive.length % block !== last % block)
    throw new EngineError('invalid-argument', 'invalid context: unexpected EOF');
  return files;
}

/** docker ends its archive with the last byte of the last file: the rest of the block, and the two blocks of the end. */
function missingEnd(archive: Buffer): Buffer {
  return Buffer.alloc(((block - (archive.length % block)) % block) + 2 * block);
}

/** All of an archive that is not larger than a context may be. */
export async function readArchive(stream: AsyncIterable<Uint8Array | string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > sizeLimit) throw new EngineError('invalid-argument', 'read exceeds the defined limit');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
