/** Content digests (OCI image-spec, descriptor.md, "Digests"): parsing, hashing, and chain IDs. */
import { createHash } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';

const digestPattern = /^sha256:[0-9a-f]{64}$/;
const hexPattern = /^[0-9a-f]{64}$/;

/** Is `text` a `sha256:` digest in its one canonical spelling? */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && digestPattern.test(text);
}

/** Is `text` the 64 hex digits of a digest? */
export function isDigestHex(text: string): boolean {
  return hexPattern.test(text);
}

/** Returns `text` where it is a digest that Gantry can verify; EngineError `invalid-argument` otherwise. */
export function parseDigest(text: unknown): string {
  if (isDigest(text)) return text;
  const shown = typeof text === 'string' ? text.slice(0, 100) : typeof text;
  throw new EngineError('invalid-argument', `invalid checksum digest format: ${shown}`, {
    hint: 'use a sha256 digest: sha256: and 64 hexadecimal digits',
  });
}

/** The 64 hex digits of a digest. */
export function digestHex(digest: string): string {
  return digest.slice('sha256:'.length);
}

/** The 12 hex digits by which Docker shows digests and IDs. */
export function shortId(digest: string): string {
  return (digest.startsWith('sha256:') ? digestHex(digest) : digest).slice(0, 12);
}

/** The digest of some bytes. */
export function digestOf(data: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** Chain IDs of layers, base first (OCI image-spec, config.md, "Layer ChainID"). */
export function chainIdsOf(diffIds: readonly string[]): string[] {
  const chainIds: string[] = [];
  for (const diffId of diffIds) {
    const parent = chainIds.at(-1);
    chainIds.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chainIds;
}
