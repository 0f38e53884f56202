/** Reads the directory tree that the CNCF's distribution (registry:2) keeps a registry in (its `registry/storage/paths.go` names the paths). */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors/engine-error.ts';
import { isDigest } from '../../oci/digest.ts';
import type { StoredTag } from '../registry-types.ts';

export interface TreeRepository {
  name: string;
  /** Digests, with when they were linked (milliseconds since the epoch). */
  layers: Map<string, number>;
  manifests: Map<string, number>;
  tags: StoredTag[];
}

/** Where the tree begins below a registry's root directory. */
export function treeRoot(directory: string): string {
  return join(directory, 'docker', 'registry', 'v2');
}

/** All blobs whose digest is SHA-256, some hundred at a time. */
export async function* readTreeBlobs(root: string): AsyncGenerator<Array<{ digest: string; path: string }>> {
  const blobs = join(root, 'blobs', 'sha256');
  for (const prefix of await namesIn(blobs)) {
    const names = await namesIn(join(blobs, prefix));
    yield names
      .map((name) => ({ digest: `sha256:${name}`, path: join(blobs, prefix, name, 'data') }))
      .filter(({ digest }) => isDigest(digest));
  }
}

export async function* readTreeRepositories(root: string): AsyncGenerator<TreeRepository> {
  yield* repositoriesBelow(join(root, 'repositories'), '');
}

/** Components of a name never begin with `_`: such directories are what a repository is made of. */
async function* repositoriesBelow(root: string, name: string): AsyncGenerator<TreeRepository> {
  const names = await namesIn(join(root, name));
  if (names.includes('_manifests') || names.includes('_layers')) yield await readRepository(root, name);
  for (const below of names) {
    if (!below.startsWith('_')) yield* repositoriesBelow(root, name === '' ? below : `${name}/${below}`);
  }
}

async function readRepository(root: string, name: string): Promise<TreeRepository> {
  const directory = join(root, name);
  return {
    name,
    layers: await linksIn(join(directory, '_layers', 'sha256')),
    manifests: await linksIn(join(directory, '_manifests', 'revisions', 'sha256')),
    tags: await tagsIn(join(directory, '_manifests', 'tags')),
  };
}

/** Something that was deleted keeps its directory, without a link in it. */
async function linksIn(directory: string): Promise<Map<string, number>> {
  const links = new Map<string, number>();
  for (const hex of await namesIn(directory)) {
    const link = await readLink(join(directory, hex, 'link'));
    if (link !== undefined) links.set(link.digest, link.linkedAt);
  }
  return links;
}

async function tagsIn(directory: string): Promise<StoredTag[]> {
  const tags: StoredTag[] = [];
  for (const name of await namesIn(directory)) {
    const link = await readLink(join(directory, name, 'current', 'link'));
    if (link !== undefined) tags.push({ name, digest: link.digest, taggedAt: link.linkedAt });
  }
  return tags;
}

async function readLink(path: string): Promise<{ digest: string; linkedAt: number } | undefined> {
  try {
    const digest = (await readFile(path, 'utf8')).trim();
    const { mtimeMs } = await stat(path);
    return isDigest(digest) ? { digest, linkedAt: Math.floor(mtimeMs) } : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}
