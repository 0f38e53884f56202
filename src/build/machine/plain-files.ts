/** Copies and digests in their plainest form, until `files/` serves. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import { findLayered, type LayeredEntry } from '../../snapshots/layered-lookup.ts';
import type { CopyOperation, CopySource, DigestQuery, Files } from '../files/files-types.ts';

export class PlainFiles implements Files {
  async copy({
    sources,
    destination,
    workdir,
    target,
  }: CopyOperation): Promise<{ entries: number; bytes: number }> {
    const isDirectory = destination.endsWith('/') || destination === '.' || sources.length > 1;
    const into = posix.resolve(workdir, destination);
    for (const source of sources) {
      if (source.kind === 'inline') {
        const path = join(target.upper, into, isDirectory ? source.name : '');
        await mkdir(posix.dirname(path), { recursive: true });
        await writeFile(path, source.content);
        continue;
      }
      for (const entry of entriesOf(source)) {
        const path = join(
          target.upper,
          into,
          (isDirectory || source.patterns.length > 1) && !entry.stats.isDirectory()
            ? posix.basename(entry.path)
            : '',
        );
        await mkdir(posix.dirname(path), { recursive: true });
        await cp(entry.hostPath, path, { recursive: true, preserveTimestamps: true });
      }
    }
    return { entries: 0, bytes: 0 };
  }

  async digestOf({ sources }: DigestQuery): Promise<string> {
    const hash = createHash('sha256');
    for (const source of sources)
      if (source.kind === 'inline') hash.update(source.name).update(source.content);
      else for (const entry of entriesOf(source)) hash.update(entry.path).update(digestTree(entry.hostPath));
    return `sha256:${hash.digest('hex')}`;
  }

  fetchHttp(): Promise<never> {
    return Promise.reject(new EngineError('not-implemented', 'ADD of URLs is not served yet'));
  }

  fetchGit(): Promise<never> {
    return Promise.reject(new EngineError('not-implemented', 'ADD of repositories is not served yet'));
  }

  openLayers(): Promise<never> {
    return Promise.reject(new EngineError('not-implemented', 'mounts of layers are not served yet'));
  }

  async close(): Promise<void> {
    return;
  }
}

function entriesOf(source: Extract<CopySource, { kind: 'files' }>): LayeredEntry[] {
  const { tree } = source;
  return source.patterns.map((pattern) => {
    const entry = findLayered(tree.kind === 'directory' ? [tree.root] : tree.trees, pattern);
    if (entry !== undefined) return entry;
    throw new EngineError('not-found', `failed to compute cache key: "/${pattern}": not found`);
  });
}

function digestTree(path: string): string {
  const stats = lstatSync(path);
  const hash = createHash('sha256').update(String(stats.mode));
  if (stats.isFile()) hash.update(readFileSync(path));
  if (stats.isDirectory())
    for (const name of readdirSync(path).toSorted())
      hash.update(`${name}\0${digestTree(join(path, name))}\0`);
  return hash.digest('hex');
}
