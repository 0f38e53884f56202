/** The keys that a token may be signed with: those of a bundle of certificates and of a JSON Web Key Set, found by what a token's header says. */
import { createHash, createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { isRecord } from '../config/fields.ts';

export interface KeyFiles {
  rootCertBundle?: string;
  jwks?: string;
}

/** What of a token's header says which key signed it (RFC 7515, section 4.1). */
export interface KeyHint {
  kid?: string;
  x5c?: readonly string[];
  jwk?: Record<string, unknown>;
}

/** A certificate and those that signed it, at most. */
const chainLimit = 10;

export class TokenKeys {
  readonly #roots: readonly X509Certificate[];
  readonly #byId = new Map<string, KeyObject>();
  readonly #all: KeyObject[] = [];

  constructor(roots: readonly X509Certificate[], sets: ReadonlyArray<Record<string, unknown>>) {
    this.#roots = roots;
    for (const { publicKey } of roots) this.#add(publicKey, undefined);
    for (const jwk of sets) this.#add(toKey(jwk), typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined);
  }

  /** Reads the files now. EngineErrors `failed-precondition`, `invalid-argument`. */
  static read({ rootCertBundle, jwks }: KeyFiles): TokenKeys {
    const roots = rootCertBundle === undefined ? [] : readCertificates(rootCertBundle);
    const keys = new TokenKeys(roots, jwks === undefined ? [] : readSet(jwks));
    if (keys.#all.length > 0) return keys;
    throw new EngineError('invalid-argument', 'token auth requires at least one token signing key', {
      hint: 'Put a certificate into auth.token.rootcertbundle, or a key into auth.token.jwks.',
    });
  }

  /** Keys to try for a token with this header; none where its header names one that is not trusted. */
  find({ kid, x5c, jwk }: KeyHint): KeyObject[] {
    if (x5c !== undefined) return present(this.#keyOfChain(x5c));
    if (jwk !== undefined) return present(this.#keyOfJwk(jwk));
    if (kid === undefined) return this.#all;
    return present(this.#byId.get(kid));
  }

  #add(key: KeyObject, id: string | undefined): void {
    this.#all.push(key);
    if (id !== undefined) this.#byId.set(id, key);
    if (key.type !== 'public') return;
    for (const one of [dockerKeyId(key), thumbprint(key)]) this.#byId.set(one, key);
  }

  /** A key in the header itself: with a chain of its own, or one that is known. */
  #keyOfJwk(jwk: Record<string, unknown>): KeyObject | undefined {
    const chain = jwk['x5c'];
    if (Array.isArray(chain)) {
      const key = this.#keyOfChain(chain.filter((one) => typeof one === 'string'));
      return key?.equals(toKey(jwk)) === true ? key : undefined;
    }
    const key = toKey(jwk);
    return this.#all.find((one) => one.type === key.type && one.equals(key));
  }

  /** The key of the first certificate where the chain leads to a trusted one and each is valid now. */
  #keyOfChain(encoded: readonly string[]): KeyObject | undefined {
    if (encoded.length === 0 || encoded.length > chainLimit) return undefined;
    const chain = encoded.map((one) => new X509Certificate(Buffer.from(one, 'base64')));
    const now = new Date();
    for (const [index, certificate] of chain.entries()) {
      if (now < certificate.validFromDate || now > certificate.validToDate) return undefined;
      if (this.#isTrusted(certificate)) return chain[0]?.publicKey;
      const next = chain[index + 1];
      if (next === undefined || !next.ca || !isIssuedBy(certificate, next)) return undefined;
    }
    return undefined;
  }

  #isTrusted(certificate: X509Certificate): boolean {
    return this.#roots.some(
      (root) => root.fingerprint256 === certificate.fingerprint256 || isIssuedBy(certificate, root),
    );
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function present(key: KeyObject | undefined): KeyObject[] {
  return key === undefined ? [] : [key];
}

/** Docker's own fingerprint of a key: 240 bits of the SHA-256 of its DER form in base 32, in groups of four. */
export function dockerKeyId(key: KeyObject): string {
  const digest = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...digest.subarray(0, 30)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('');
  return (letters.match(/.{4}/g) ?? []).join(':');
}

/** RFC 7638: the SHA-256 of the key's required members in the order of their names. */
export function thumbprint(key: KeyObject): string {
  const { e, n, crv, x, y, kty } = key.export({ format: 'jwk' });
  const members = Object.entries({ crv, e, kty, n, x, y }).filter(([, value]) => value !== undefined);
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url');
}

/** EngineError `invalid-argument` for what is no key. */
function toKey(jwk: Record<string, unknown>): KeyObject {
  try {
    const secret = jwk['kty'] === 'oct' && typeof jwk['k'] === 'string' ? jwk['k'] : undefined;
    if (secret !== undefined) return createSecretKey(secret, 'base64url');
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new EngineError('invalid-argument', `malformed JSON Web Key: ${messageOf(cause)}`, { cause });
  }
}

function readCertificates(path: string): X509Certificate[] {
  const blocks = readText(path).match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  try {
    return (blocks ?? []).map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new EngineError('invalid-argument', `${path} holds a malformed certificate`, { cause });
  }
}

function readSet(path: string): Array<Record<string, unknown>> {
  const text = readText(path);
  try {
    const set: unknown = JSON.parse(text);
    const keys = isRecord(set) && Array.isArray(set['keys']) ? set['keys'] : [];
    return keys.filter(isRecord);
  } catch (cause) {
    throw new EngineError('invalid-argument', `${path} is no JSON Web Key Set: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError('failed-precondition', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
