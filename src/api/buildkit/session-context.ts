/** A directory at the client's, as a build's context. */
import type { BuildContext, ContextQuery, ContextTree } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { ContextEntry, ContextListing } from './context-entry.ts';
import type { ContextStore, HeldContext } from './context-store.ts';
import {
  type ContextChanges,
  ContextWriter,
  changesBetween,
  type IncomingFile,
  settleDirectories,
} from './context-writer.ts';
import { FileSync, hasContent } from './file-sync.ts';
import type { BuildSession } from './session-registry.ts';

/** Files that are written at the same time. */
const writers = 32;

/** As many links as Linux follows in one path. */
const maxLinks = 40;

export class SessionContext implements BuildContext {
  readonly #store: ContextStore;
  readonly #session: BuildSession;
  readonly #directory: string;

  constructor(store: ContextStore, session: BuildSession, directory: string) {
    this.#store = store;
    this.#session = session;
    this.#directory = directory;
  }

  /** EngineErrors of `FileSync`, and those of a full disk. */
  async sync(query: ContextQuery, signal: AbortSignal): Promise<ContextTree> {
    const { id, sharedKey } = this.#session;
    const key = JSON.stringify([sharedKey === '' ? id : sharedKey, this.#directory]);
    const held = await this.#store.hold(key, `local source for ${this.#directory}`);
    const selection = { directory: this.#directory, exclude: query.ignore, follow: followed(query.paths) };
    const transfer = new AbortController();
    try {
      const sync = new FileSync(this.#session, selection, AbortSignal.any([signal, transfer.signal]));
      await receive(sync, held, query.onProgress ?? (() => undefined));
      return held.tree;
    } catch (error) {
      transfer.abort();
      await held.tree.release();
      throw error;
    }
  }

  async readFile(path: string, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const selection = { directory: this.#directory, exclude: [], follow: [literalPattern(path)] };
    const sync = new FileSync(this.#session, selection, signal);
    try {
      const listing = await sync.listing();
      const id = findFile(listing, path);
      const content = id === undefined ? undefined : await readOne(sync, id, path, limit);
      await sync.finish();
      return content;
    } finally {
      sync.cancel();
    }
  }
}

/** Everything for a path that is the whole context. */
function followed(paths: readonly string[] | undefined): readonly string[] {
  const relative = (paths ?? []).map((path) => path.replace(/^\/+/, '').replace(/\/+$/, ''));
  return relative.some((path) => path === '' || path === '.') ? [] : relative;
}

function literalPattern(path: string): string {
  return path.replaceAll(/[*?[\\]/g, '\\$&');
}

/** Who lists files and hands over their content. */
export type FileSource = Pick<FileSync, 'listing' | 'fetch' | 'finish'>;

/** Makes the held copy what the source has. */
export async function receive(
  sync: FileSource,
  held: HeldContext,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const listing = await sync.listing();
  const changes = changesBetween(held.before, listing);
  if (changes.added.length > 0 || changes.removed.length > 0) {
    await held.begin();
    await apply(sync, changes, held.files, onProgress);
    await settleDirectories(held.files, listing.order);
    await held.settle(listing.order);
  }
  await sync.finish();
}

async function apply(
  sync: FileSource,
  changes: ContextChanges,
  root: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const writer = new ContextWriter(root);
  for (const path of changes.removed) await writer.remove(path);
  const isLink = ({ entry }: { entry: ContextEntry }): boolean =>
    entry.kind === 'file' && entry.linkname !== '';
  const files = new Map<number, IncomingFile>();
  for (const { id, entry } of changes.added.filter((one) => !isLink(one))) {
    const file = await writer.create(entry);
    if (file !== undefined) files.set(id, file);
  }
  await fetchInto(sync, files, onProgress);
  /* What they are other names of is there now. */
  for (const { entry } of changes.added.filter(isLink)) await writer.create(entry);
}

async function fetchInto(
  sync: FileSource,
  files: ReadonlyMap<number, IncomingFile>,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const finishing = new Set<Promise<void>>();
  let failure: unknown;
  let bytes = 0;
  try {
    await sync.fetch([...files.keys()], async (id, piece) => {
      const file = files.get(id);
      if (file === undefined || failure !== undefined)
        throw failure ?? new EngineError('internal', 'no such file');
      if (piece !== undefined) {
        bytes += piece.length;
        onProgress(bytes);
        await file.write(piece);
        return;
      }
      const done: Promise<void> = file
        .finish()
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => finishing.delete(done));
      finishing.add(done);
      if (finishing.size >= writers) await Promise.race(finishing);
    });
    await Promise.all(finishing);
    if (failure !== undefined) throw failure;
  } finally {
    await Promise.allSettled([...finishing, ...[...files.values()].map((file) => file.close())]);
  }
}

/** The number of the file that a path leads to, links among the listed entries followed; undefined where there is none. */
function findFile(listing: ContextListing, path: string): number | undefined {
  let names = path.split('/');
  for (let links = 0; links <= maxLinks; links += 1) {
    const found = walk(listing, names);
    if (found.rest === undefined) return idOfFile(listing, found.path);
    names = found.rest;
  }
  throw new EngineError('invalid-argument', `too many links on the way to ${path}`);
}

/** `rest`: what to walk instead, where a link was met. */
function walk(listing: ContextListing, names: readonly string[]): { path: string; rest?: string[] } {
  const at: string[] = [];
  for (const [index, name] of names.entries()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at.pop();
      continue;
    }
    const entry = listing.entries.get([...at, name].join('/'));
    if (entry?.kind === 'symlink') {
      const base = entry.linkname.startsWith('/') ? [] : at;
      return { path: '', rest: [...base, ...entry.linkname.split('/'), ...names.slice(index + 1)] };
    }
    at.push(name);
  }
  return { path: at.join('/') };
}

function idOfFile(listing: ContextListing, path: string): number | undefined {
  const entry = listing.entries.get(path);
  if (entry?.kind !== 'file') return undefined;
  return listing.order.indexOf(hasContent(entry) ? entry : (listing.entries.get(entry.linkname) ?? entry));
}

async function readOne(sync: FileSync, id: number, path: string, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  await sync.fetch([id], async (_id, piece) => {
    length += piece?.length ?? 0;
    if (length > limit) throw new EngineError('resource-exhausted', `${path} has more than ${limit} bytes`);
    if (piece !== undefined) pieces.push(piece);
  });
  return Buffer.concat(pieces);
}
