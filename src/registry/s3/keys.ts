/**
 * What is in the bucket, and under which keys.
 *
 *     data/GENERATION                                        a blob's bytes, under a name of their own
 *     blobs/HEX!doomed.GENERATION.COLLECTION.TIME            a collection is about to delete these bytes
 *     blobs/HEX!held.GENERATION.TIME.SIZE                    the blob has these bytes (verified)
 *     blobs/HEX!used.GENERATION.TIME                         someone relied on them
 *     repositories/NAME/_blobs/HEX!GENERATION                the repository may see them
 *     repositories/NAME/_manifests/HEX!doomed.GENERATION.COLLECTION.TIME
 *     repositories/NAME/_manifests/HEX!held.GENERATION.TIME  the manifest's record, JSON
 *     repositories/NAME/_manifests/HEX!pulled.TIME
 *     repositories/NAME/_tags/TAG!TIME.HEX.KIND              KIND: l(ocal) or c(ached)
 *     repositories/NAME/_referrers/HEX!HEX.GENERATION        of a subject: a manifest that refers to it
 *     names/NAME                                             the repository holds a manifest
 *     uploads/ID                                             an upload's state, in metadata, and its last bytes
 *
 * Nearly all is said by keys, so that one list answers what would take a read for each object. No object is ever written with other
 * content than before (but for `uploads/`), and what could be deleted by one instance while another makes it again has a generation in its
 * key: a deletion never hits what was made after it was decided. `!` comes before every character of names and tags, so that lists are in
 * the order of names. HEX is of a SHA-256 digest; TIME (milliseconds) and SIZE (bytes) are in base 36.
 */
import { digestHex } from '../../oci/digest.ts';

export const dataPrefix = 'data/';
export const blobsPrefix = 'blobs/';
export const namesPrefix = 'names/';
export const uploadsPrefix = 'uploads/';
export const repositoriesPrefix = 'repositories/';

export function encodeNumber(value: number): string {
  return Math.max(0, Math.round(value)).toString(36);
}

export function decodeNumber(text: string | undefined): number {
  const value = Number.parseInt(text ?? '', 36);
  return Number.isSafeInteger(value) ? value : 0;
}

export function dataKey(generation: string): string {
  return dataPrefix + generation;
}

export function blobKeys(digest: string): string {
  return `${blobsPrefix}${digestHex(digest)}!`;
}

export function linkKeys(repository: string, digest: string): string {
  return `${repositoriesPrefix}${repository}/_blobs/${digestHex(digest)}!`;
}

export function manifestKeys(repository: string, digest: string): string {
  return `${repositoriesPrefix}${repository}/_manifests/${digestHex(digest)}!`;
}

export function manifestsOf(repository: string): string {
  return `${repositoriesPrefix}${repository}/_manifests/`;
}

export function tagsOf(repository: string): string {
  return `${repositoriesPrefix}${repository}/_tags/`;
}

export function tagKeys(repository: string, tag: string): string {
  return `${tagsOf(repository)}${tag}!`;
}

export function referrerKeys(repository: string, subject: string): string {
  return `${repositoriesPrefix}${repository}/_referrers/${digestHex(subject)}!`;
}

/** All that is of one repository, without those whose name begins with its. */
export function repositoryKeys(repository: string): string {
  return `${repositoriesPrefix}${repository}/_`;
}

export function nameKey(repository: string): string {
  return namesPrefix + repository;
}

export function uploadKey(id: string): string {
  return uploadsPrefix + id;
}

export interface RepositoryKey {
  key: string;
  repository: string;
  kind: 'blobs' | 'manifests' | 'tags' | 'referrers';
  /** Before the `!`: hex digits or a tag. */
  name: string;
  /** What stands behind the `!`, by dots. */
  fields: string[];
}

const repositoryPattern = /^repositories\/(.+)\/_(blobs|manifests|tags|referrers)\/([^/!]+)!([^/!]+)$/;

/** Undefined for what is none of ours. */
export function parseRepositoryKey(key: string): RepositoryKey | undefined {
  const [, repository, kind, name, rest] = repositoryPattern.exec(key) ?? [];
  if (repository === undefined || name === undefined || rest === undefined) return undefined;
  if (kind !== 'blobs' && kind !== 'manifests' && kind !== 'tags' && kind !== 'referrers') return undefined;
  return { key, repository, kind, name, fields: rest.split('.') };
}
