/** Docker's context store in the user's config folder: named daemons, with the certificates that reach them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';

/** What meta.json holds; fields of other programs are kept as they are. */
export interface ContextDocument {
  Name: string;
  Metadata: Readonly<Record<string, unknown>>;
  Endpoints: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Contents of ca.pem, cert.pem and key.pem, by file name. */
export type TlsFiles = ReadonlyMap<string, Buffer>;

export const defaultContext = 'default';
const namePattern = '^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$';

/** EngineError `invalid-argument` in docker's words. */
export function checkContextName(name: string): void {
  if (name === '') throw new EngineError('invalid-argument', 'context name cannot be empty');
  if (name === defaultContext)
    throw new EngineError('invalid-argument', `"${defaultContext}" is a reserved context name`);
  if (new RegExp(namePattern).test(name)) return;
  throw new EngineError(
    'invalid-argument',
    `context name "${name}" is invalid, names are validated against regexp "${namePattern}"`,
  );
}

/** The store below a config folder. Each context has a folder for its document and one for its certificates. */
export class ContextStore {
  readonly #root: string;

  constructor(configFolder: string) {
    this.#root = join(configFolder, 'contexts');
  }

  /** All documents, by name. EngineError `data-loss` for one that can't be read. */
  list(): ContextDocument[] {
    const found = foldersIn(join(this.#root, 'meta')).map((id) => readDocument(join(this.#root, 'meta', id)));
    return found
      .filter((one): one is ContextDocument => one !== undefined)
      .sort((one, other) => (one.Name < other.Name ? -1 : 1));
  }

  has(name: string): boolean {
    return readDocument(this.metadataPath(name)) !== undefined;
  }

  /** EngineError `not-found` in docker's words. */
  read(name: string): ContextDocument {
    const path = this.metadataPath(name);
    const document = readDocument(path);
    if (document !== undefined) return document;
    throw new EngineError(
      'not-found',
      `context "${name}": context not found: open ${join(path, 'meta.json')}: no such file or directory`,
      { hint: 'List the contexts there are with: gantry context ls' },
    );
  }

  metadataPath(name: string): string {
    return join(this.#root, 'meta', folderOf(name));
  }

  tlsPath(name: string): string {
    return join(this.#root, 'tls', folderOf(name));
  }

  /** Replaces the document at once: who reads meanwhile sees the old one or the new one. */
  write(document: ContextDocument): void {
    const folder = this.metadataPath(document.Name);
    replaceFile(join(folder, 'meta.json'), Buffer.from(JSON.stringify(document)), {
      folder: 0o755,
      file: 0o644,
    });
  }

  /** Names of the certificate files, by endpoint. */
  tlsMaterial(name: string): Record<string, string[]> {
    const folder = this.tlsPath(name);
    return Object.fromEntries(
      foldersIn(folder).map((endpoint) => [endpoint, readdirSync(join(folder, endpoint)).sort()]),
    );
  }

  tlsFiles(name: string, endpoint: string): TlsFiles {
    const folder = join(this.tlsPath(name), endpoint);
    const names = this.tlsMaterial(name)[endpoint] ?? [];
    return new Map(names.map((file) => [file, readFileSync(join(folder, file))]));
  }

  /** Replaces the certificates of an endpoint. They are for their owner's eyes alone. */
  writeTls(name: string, endpoint: string, files: TlsFiles): void {
    const folder = join(this.tlsPath(name), endpoint);
    rmSync(folder, { recursive: true, force: true });
    for (const [file, content] of files)
      replaceFile(join(folder, file), content, { folder: 0o700, file: 0o600 });
    if (files.size === 0 && foldersIn(this.tlsPath(name)).length === 0)
      rmSync(this.tlsPath(name), { recursive: true, force: true });
  }

  /** Nothing happens where there is no such context. */
  remove(name: string): void {
    rmSync(this.metadataPath(name), { recursive: true, force: true });
    rmSync(this.tlsPath(name), { recursive: true, force: true });
  }
}

/** Names may hold what file names may not. */
function folderOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(path, error);
  }
}

function readDocument(folder: string): ContextDocument | undefined {
  const path = join(folder, 'meta.json');
  try {
    return parseContextDocument(readFileSync(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
}

/** The document in the text of a meta.json. Throws what JSON.parse throws, and EngineError `invalid-argument`. */
export function parseContextDocument(text: string): ContextDocument {
  const { Name, Metadata, Endpoints } = objectOf(JSON.parse(text));
  if (typeof Name !== 'string') throw new EngineError('invalid-argument', 'it names no context');
  const endpoints = Object.entries(objectOf(Endpoints)).map(([key, value]) => [key, objectOf(value)]);
  return { Name, Metadata: objectOf(Metadata), Endpoints: Object.fromEntries(endpoints) };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function unreadable(path: string, error: unknown): EngineError {
  return new EngineError('data-loss', `failed to read metadata: parsing ${path}: ${messageOf(error)}`, {
    cause: error,
    hint: 'Mend the file, or remove its folder.',
  });
}

function replaceFile(path: string, content: Buffer, modes: { folder: number; file: number }): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: modes.folder });
    writeFileSync(temporary, content, { mode: modes.file, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new EngineError('failed-precondition', `could not write ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Make its folder writable, or choose another with --config or DOCKER_CONFIG.',
    });
  }
}
