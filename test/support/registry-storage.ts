/** What a registry's local storage holds on disk, whatever its database says. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from './image-fixtures.ts';

/** Paths of all published blobs below `directory`, by digest. */
export function storedBlobs(directory: string): Map<string, string> {
  const paths = globSync('**/blobs/sha256/*', { cwd: directory });
  return new Map(
    paths.map((path) => [`sha256:${path.slice(path.lastIndexOf('/') + 1)}`, join(directory, path)]),
  );
}

/** Paths of what is still coming in. */
export function storedUploads(directory: string): string[] {
  return globSync(['**/uploads/*', '**/ingest/*'], { cwd: directory });
}

/** Asserts that each published blob has the bytes that its name says. Returns how many there are. */
export function assertBlobsWhole(directory: string): number {
  const blobs = storedBlobs(directory);
  for (const [digest, path] of blobs) assert.equal(digestOf(readFileSync(path)), digest);
  return blobs.size;
}
