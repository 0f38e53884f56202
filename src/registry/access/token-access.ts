/** Access with the tokens of a token server (distribution's "Token Authentication Specification"). */
import {
  decodeProtectedHeader,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { EngineError } from '../../errors/engine-error.ts';
import { isRecord } from '../config/fields.ts';
import type { TokenConfig } from '../config/registry-config.ts';
import type { AccessController, AccessRequest, Principal } from '../registry-types.ts';
import { type BearerChallenge, bearerChallenge, bearerToken, unauthorized } from './authorization.ts';
import { TokenKeys } from './token-keys.ts';

/** As in distribution: signatures with keys that can be published. */
const defaultAlgorithms = [
  'EdDSA',
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
];

/** Seconds by which clocks may differ. */
const leeway = 60;

/** Whom a token names, and what it grants, by `TYPE:NAME`. */
interface TokenPrincipal extends Principal {
  grants: ReadonlyMap<string, ReadonlySet<string>>;
}

export class TokenAccess implements AccessController {
  readonly #config: TokenConfig;
  readonly #algorithms: string[];
  #keys: TokenKeys;

  /** Reads the key files. EngineErrors `failed-precondition`, `invalid-argument`. */
  constructor(config: TokenConfig) {
    this.#config = config;
    this.#algorithms = config.algorithms.length > 0 ? config.algorithms : defaultAlgorithms;
    this.#keys = TokenKeys.read(config);
  }

  /** Reads the key files again; those that cannot be read change nothing and throw. */
  reload(): void {
    this.#keys = TokenKeys.read(this.#config);
  }

  async authorize(
    authorization: string | undefined,
    accesses: readonly AccessRequest[],
    origin?: string,
  ): Promise<Principal> {
    const token = bearerToken(authorization);
    if (token === undefined) throw this.#challenge(accesses, origin, 'authorization token required');
    const principal = await this.#verify(token);
    if (principal === undefined)
      throw this.#challenge(accesses, origin, 'invalid authorization token', 'invalid_token');
    if (accesses.every((one) => grants(principal, one))) return principal;
    throw this.#challenge(accesses, origin, 'insufficient scope', 'insufficient_scope');
  }

  async mayPull(principal: Principal, repository: string): Promise<boolean> {
    return grants(principal, { type: 'repository', name: repository, actions: ['pull'] });
  }

  async #verify(token: string): Promise<TokenPrincipal | undefined> {
    const options: JWTVerifyOptions = {
      issuer: this.#config.issuer,
      audience: this.#config.service,
      algorithms: this.#algorithms,
      clockTolerance: leeway,
      requiredClaims: ['exp'],
    };
    for (const key of this.#candidates(token)) {
      try {
        const { payload } = await jwtVerify(token, key, options);
        return { name: payload.sub ?? '', grants: grantsOf(payload) };
      } catch {
        // Signed by another key, or not valid: the next one, or none, decides.
      }
    }
    return undefined;
  }

  #candidates(token: string): ReturnType<TokenKeys['find']> {
    try {
      const { kid, x5c, jwk } = decodeProtectedHeader(token) as JWTHeaderParameters;
      return this.#keys.find({
        ...(kid === undefined ? {} : { kid }),
        ...(Array.isArray(x5c) ? { x5c } : {}),
        ...(isRecord(jwk) ? { jwk } : {}),
      });
    } catch {
      return [];
    }
  }

  #challenge(
    accesses: readonly AccessRequest[],
    origin: string | undefined,
    message: string,
    error?: NonNullable<BearerChallenge['error']>,
  ): EngineError {
    const { realm, service, autoRedirectPath } = this.#config;
    const own =
      autoRedirectPath === undefined || (origin ?? '') === '' ? realm : `${origin}${autoRedirectPath}`;
    const challenge = bearerChallenge({
      realm: own,
      service,
      accesses,
      ...(error === undefined ? {} : { error }),
    });
    return unauthorized(challenge, message);
  }
}

function grants(principal: Principal, { type, name, actions }: AccessRequest): boolean {
  const granted = isTokenPrincipal(principal) ? principal.grants.get(`${type}:${name}`) : undefined;
  return granted !== undefined && (granted.has('*') || actions.every((action) => granted.has(action)));
}

function isTokenPrincipal(principal: Principal): principal is TokenPrincipal {
  return 'grants' in principal;
}

/** The `access` claim: a list of `{type, name, actions}`. */
function grantsOf(payload: JWTPayload): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const claims = payload['access'];
  for (const claim of Array.isArray(claims) ? claims : []) {
    if (!isRecord(claim) || !Array.isArray(claim['actions'])) continue;
    const key = `${String(claim['type'])}:${String(claim['name'])}`;
    const actions = found.get(key) ?? new Set();
    for (const action of claim['actions']) actions.add(String(action));
    found.set(key, actions);
  }
  return found;
}
