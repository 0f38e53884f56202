/** Keys of steps: digests of all that a step's result depends on, each part under a name, so that what changed can be told. */
import { createHash } from 'node:crypto';

/** By name. Two steps are the same exactly where all parts are. */
export type KeyParts = Readonly<Record<string, KeyPart>>;
export type KeyPart =
  | string
  | number
  | boolean
  | undefined
  | readonly KeyPart[]
  | { readonly [name: string]: KeyPart };

/** `sha256:…`; the order of names does not matter, that of lists does. */
export function keyOf(parts: KeyParts): string {
  return `sha256:${createHash('sha256').update(canonical(parts)).digest('hex')}`;
}

/** Digests of the parts alone, short; of a part with names, each by itself (`environment.PATH`). What a later miss is explained with. */
export function partDigests(parts: KeyParts): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const [name, part] of Object.entries(parts)) {
    if (typeof part !== 'object' || isList(part)) digests[name] = shortDigest(part);
    else for (const [inner, value] of Object.entries(part)) digests[`${name}.${inner}`] = shortDigest(value);
  }
  return digests;
}

function shortDigest(part: KeyPart): string {
  return createHash('sha256').update(canonical(part)).digest('base64url').slice(0, 16);
}

/** One text for one value: JSON with sorted names; what is undefined is left out. */
function canonical(part: KeyPart): string {
  if (part === undefined) return 'null';
  if (typeof part !== 'object') return JSON.stringify(part);
  if (isList(part)) return `[${part.map(canonical).join(',')}]`;
  const members = Object.entries(part)
    .filter(([, value]) => value !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`);
  return `{${members.join(',')}}`;
}

function isList(part: object): part is readonly KeyPart[] {
  return Array.isArray(part);
}
