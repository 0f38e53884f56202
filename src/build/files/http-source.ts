/** ADD of a URL: one file, verified. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import { cancelled } from './files-thread.ts';
import type { FetchedSource, HttpRequest } from './files-types.ts';
import { openHttp } from './http-request.ts';
import type { OpenTrees } from './open-trees.ts';

/** Hex digits by algorithm. */
const algorithms = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

interface Checksum {
  algorithm: string;
  text: string;
}

/** See `Files.fetchHttp`. */
export async function fetchHttp(
  trees: OpenTrees,
  { url, checksum }: HttpRequest,
  signal: AbortSignal,
): Promise<FetchedSource> {
  const expected = checksum === undefined ? undefined : parseChecksum(checksum);
  const directory = await trees.temporary('http');
  try {
    const name = nameOf(url);
    const path = join(directory.root, name);
    const digest = await download(url, path, expected, signal);
    return {
      source: {
        kind: 'files',
        tree: { kind: 'directory', root: directory.root },
        patterns: [name.replace(/[*?[\\]/g, '\\$&')],
        digest,
      },
      digest,
      release: directory.release,
    };
  } catch (error) {
    await directory.release();
    throw signal.aborted ? cancelled() : error;
  }
}

/** The last part of the URL's path. */
export function nameOf(url: string): string {
  const last = new URL(url).pathname.split('/').findLast((part) => part !== '');
  const name = last === undefined ? '' : decoded(last);
  return name === '' || name === '.' || name === '..' || /[/\0]/.test(name) ? '__unnamed__' : name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseChecksum(text: string): Checksum {
  const [algorithm = '', digits = ''] = text.split(':', 2);
  if (algorithms.get(algorithm) === digits.length && /^[0-9a-f]+$/.test(digits)) return { algorithm, text };
  throw new EngineError('invalid-argument', `invalid checksum digest format: ${text}`, {
    hint: 'write it as --checksum=sha256:, followed by 64 hex digits',
  });
}

async function download(
  url: string,
  path: string,
  expected: Checksum | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { body, lastModified } = await openHttp(url, signal);
  const hash = createHash('sha256');
  const other = expected === undefined ? undefined : createHash(expected.algorithm);
  const hashing = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      other?.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(body, hashing, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal }).catch(
    (error: unknown) => {
      throw failed(url, error);
    },
  );
  if (expected !== undefined && other !== undefined) verify(url, expected, other.digest('hex'));
  await chmod(path, 0o600);
  // As a server that tells no time has files from 1970 in BuildKit.
  await utimes(path, lastModified, lastModified);
  return `sha256:${hash.digest('hex')}`;
}

function verify(url: string, { algorithm, text }: Checksum, digits: string): void {
  const found = `${algorithm}:${digits}`;
  if (found === text) return;
  throw new EngineError('failed-precondition', `digest mismatch ${found}: ${text}`, {
    hint: `check what ${url} gives, and --checksum`,
  });
}

function failed(url: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  if (errnoOf(cause) === 'ENOSPC' || errnoOf(cause) === 'EDQUOT')
    return new EngineError('resource-exhausted', 'no space left on device', { cause });
  return new EngineError('unavailable', `failed to download ${url}: ${messageOf(cause)}`, {
    cause,
    hint: 'check the URL, and that this host can reach it',
  });
}
