/** What `gantry build` is given as its context: a directory, stdin, or an address. */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { EngineError } from '../../errors/engine-error.ts';
import { ignoreFileNames } from '../../util/patterns/ignore.ts';
import { TarReader } from '../../util/tar/tar-reader.ts';
import { LocalExtractor } from '../copy/local-extract.ts';
import type { Io } from '../io.ts';
import { fileError } from '../run-config/variables.ts';

export type MainContext =
  /** `isTemporary`: what came over stdin. */
  | { kind: 'directory'; root: string; isTemporary?: boolean }
  /** Nothing but a Dockerfile. */
  | { kind: 'empty' }
  | { kind: 'remote'; url: string };

export interface BuildSource {
  context: MainContext;
  /** Slash-separated: in the context, or the name of one that is not in it. */
  dockerfile: string;
  /** Where the Dockerfile is not in the context: it and its ignore file, by name. */
  outside: ReadonlyMap<string, Buffer> | undefined;
  close(): void;
}

const nothing = (): void => undefined;

export function isRemote(text: string): boolean {
  return /^(?:https?|git|ssh):\/\//.test(text) || text.startsWith('git@') || text.startsWith('github.com/');
}

/** `file` is as in `-f`, '' where it was not given. EngineErrors in docker's words. */
export async function buildSource(io: Io, path: string, file: string): Promise<BuildSource> {
  if (path === '-') return await fromStdin(io, file);
  if (isRemote(path) && !existsSync(path))
    return {
      context: { kind: 'remote', url: path },
      dockerfile: file === '' ? 'Dockerfile' : file,
      outside: undefined,
      close: nothing,
    };
  const root = directoryOf(path);
  const context = { kind: 'directory', root } as const;
  if (file === '-') {
    const content = await collect(io.stdin.open());
    return { context, dockerfile: 'Dockerfile', outside: new Map([['Dockerfile', content]]), close: nothing };
  }
  return { context, ...dockerfileOf(root, file), close: nothing };
}

function directoryOf(path: string): string {
  let root: string;
  try {
    root = realpathSync(path);
  } catch {
    throw new EngineError(
      'invalid-argument',
      `unable to prepare context: path ${JSON.stringify(path)} not found`,
    );
  }
  if (statSync(root).isDirectory()) return root;
  throw new EngineError(
    'invalid-argument',
    `unable to prepare context: context must be a directory: ${root}`,
    {
      hint: 'Name the Dockerfile with -f, and give the directory that holds the files.',
    },
  );
}

function dockerfileOf(root: string, file: string): Pick<BuildSource, 'dockerfile' | 'outside'> {
  if (file === '') {
    const lower = !existsSync(join(root, 'Dockerfile')) && existsSync(join(root, 'dockerfile'));
    return { dockerfile: lower ? 'dockerfile' : 'Dockerfile', outside: undefined };
  }
  const given = existsSync(resolve(file)) ? resolve(file) : join(root, file);
  const real = realOf(given);
  const inside = relative(root, join(realOf(dirname(given)), given.slice(dirname(given).length + 1)));
  if (!inside.startsWith('..') && relative(root, real) === inside)
    return { dockerfile: inside, outside: undefined };
  return { dockerfile: 'Dockerfile', outside: outsideFiles(given) };
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new EngineError(
      'invalid-argument',
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: ${fileError('lstat', path, error).message}`,
    );
  }
}

function outsideFiles(path: string): Map<string, Buffer> {
  const files = new Map([['Dockerfile', readFileSync(path)]]);
  const [own = ''] = ignoreFileNames(path);
  if (existsSync(own)) files.set(ignoreFileNames('Dockerfile')[0] ?? '', readFileSync(own));
  return files;
}

/** A tar is unpacked here; anything else is a Dockerfile. */
async function fromStdin(io: Io, file: string): Promise<BuildSource> {
  const chunks = io.stdin.open()[Symbol.asyncIterator]();
  const head = await firstBytes(chunks, 512);
  const rest = Readable.from(rejoined(head, chunks), { objectMode: false });
  const compression = compressionOf(head);
  if (compression === undefined && !isTar(head)) {
    if (file !== '' && file !== '-')
      throw new EngineError(
        'invalid-argument',
        'ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles',
      );
    const content = await collect(rest);
    return {
      context: { kind: 'empty' },
      dockerfile: 'Dockerfile',
      outside: new Map([['Dockerfile', content]]),
      close: nothing,
    };
  }
  const root = mkdtempSync(join(tmpdir(), 'gantry-context-'));
  const close = (): void => rmSync(root, { recursive: true, force: true });
  try {
    const extractor = new LocalExtractor(root, { from: '', to: '' });
    const reader = new TarReader(extractor);
    const plain = compression === undefined ? rest : rest.pipe(compression());
    for await (const chunk of plain) reader.push(Buffer.from(chunk));
    extractor.finish();
  } catch (error) {
    close();
    throw error;
  }
  return {
    context: { kind: 'directory', root, isTemporary: true },
    dockerfile: file === '' ? 'Dockerfile' : file,
    outside: undefined,
    close,
  };
}

function isTar(head: Buffer): boolean {
  return head.length >= 263 && head.toString('latin1', 257, 262) === 'ustar';
}

function compressionOf(head: Buffer): (() => NodeJS.ReadWriteStream & AsyncIterable<Buffer>) | undefined {
  const hex = head.toString('hex', 0, 6);
  if (hex.startsWith('1f8b')) return createGunzip;
  if (hex.startsWith('28b52ffd')) return createZstdDecompress;
  if (!hex.startsWith('425a68') && hex !== 'fd377a585a00') return undefined;
  throw new EngineError(
    'invalid-argument',
    'a context on stdin that is packed with bzip2 or xz is not read here',
    {
      hint: 'Unpack it on the way: xz -dc context.tar.xz | gantry build -',
    },
  );
}

async function firstBytes(chunks: AsyncIterator<Buffer>, wanted: number): Promise<Buffer> {
  const seen: Buffer[] = [];
  let length = 0;
  while (length < wanted) {
    const next = await chunks.next();
    if (next.done === true) break;
    const chunk = Buffer.from(next.value);
    seen.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(seen);
}

async function* rejoined(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
    yield Buffer.from(next.value);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
