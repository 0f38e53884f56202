/** Tokens that the registry gives out itself, so that clients which know Basic only with a password can come without one, too. */
import { createHash, randomBytes } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';

/** Seconds for which a token holds; docker asks for a new one by itself. */
const lifetime = 300;
const issuer = 'gantry-registry';

export interface Session {
  /** '' for nobody in particular. */
  user: string;
  /** Changes with the user's password: a token ends with it. */
  stamp: string;
}

export interface IssuedToken {
  token: string;
  access_token: string;
  /** Seconds. */
  expires_in: number;
  issued_at: string;
}

export class SessionTokens {
  readonly #key: Buffer;

  /** Registries with the same `secret` take each other's tokens. */
  constructor(secret: string | undefined) {
    const base = secret === undefined ? randomBytes(32) : Buffer.from(secret);
    this.#key = createHash('sha256').update('gantry-registry session tokens\0').update(base).digest();
  }

  async issue({ user, stamp }: Session): Promise<IssuedToken> {
    const now = new Date();
    const token = await new SignJWT({ stamp })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(user)
      .setIssuer(issuer)
      .setIssuedAt(now)
      .setExpirationTime(Math.floor(now.getTime() / 1000) + lifetime)
      .sign(this.#key);
    return { token, access_token: token, expires_in: lifetime, issued_at: now.toISOString() };
  }

  /** Undefined for a token that is not ours, or not any more. */
  async verify(token: string): Promise<Session | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key, { issuer, algorithms: ['HS256'] });
      const stamp = payload['stamp'];
      return typeof stamp === 'string' ? { user: payload.sub ?? '', stamp } : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What a session's `stamp` is for a user with this password hash. */
export function stampOf(hash: string): string {
  return createHash('sha256').update(hash).digest('base64url').slice(0, 16);
}
