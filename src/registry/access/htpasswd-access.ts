/** Access with user and password from an htpasswd file, and rules for users and for nobody in particular. */
import { EngineError } from '../../errors/engine-error.ts';
import type { AccessController, AccessRequest, Principal } from '../registry-types.ts';
import type { AccessRules } from './access-rules.ts';
import {
  basicChallenge,
  basicCredentials,
  bearerChallenge,
  bearerToken,
  type Credentials,
  denied,
  unauthorized,
} from './authorization.ts';
import { type HtpasswdFile, isBcrypt } from './htpasswd-file.ts';
import type { PasswordCheck } from './password-check.ts';
import { type IssuedToken, type SessionTokens, stampOf } from './session-tokens.ts';

export interface HtpasswdAccessParts {
  realm: string;
  file: HtpasswdFile;
  passwords: PasswordCheck;
  /** Undefined: who is known may do everything, and nobody else anything. */
  rules: AccessRules | undefined;
  /** Where rules let in those without a name: docker's client sends nothing at all to a registry that asks for Basic and has no password for it. */
  tokens: SessionTokens | undefined;
  /** Path of the registry's own token service. */
  tokenPath: string;
}

/** A hash that nothing matches: a name that does not exist takes as long as a wrong password. */
const noHash = '$2b$10$abcdefghijklmnopqrstuuKnWqGmXrGHgRwTJHQnLZw4ZzyKmEfnq';

export class HtpasswdAccess implements AccessController {
  readonly #parts: HtpasswdAccessParts;

  constructor(parts: HtpasswdAccessParts) {
    this.#parts = parts;
  }

  async authorize(
    authorization: string | undefined,
    accesses: readonly AccessRequest[],
    origin?: string,
  ): Promise<Principal> {
    const principal = await this.#identify(authorization, accesses.length > 0);
    if (principal === undefined) throw this.#challenge(accesses, origin);
    const refused = accesses.find((one) => !this.#allows(principal, one));
    if (refused === undefined) return principal;
    if (principal.name !== '') throw denied(principal.name, refused);
    throw this.#challenge(accesses, origin);
  }

  async mayPull(principal: Principal, repository: string): Promise<boolean> {
    return this.#allows(principal, { type: 'repository', name: repository, actions: ['pull'] });
  }

  /** A token for whoever `authorization` names, or for nobody where there is none. EngineError `unauthorized` for a wrong password. */
  async issueToken(authorization: string | undefined): Promise<IssuedToken> {
    const { tokens, realm } = this.#parts;
    if (tokens === undefined) throw new EngineError('not-found', 'this registry gives out no tokens');
    if (authorization === undefined) return await tokens.issue({ user: '', stamp: '' });
    const credentials = basicCredentials(authorization);
    const hash = credentials === undefined ? undefined : await this.#check(credentials);
    if (credentials === undefined || hash === undefined)
      throw unauthorized(basicChallenge(realm), 'incorrect username or password');
    return await tokens.issue({ user: credentials.user, stamp: stampOf(hash) });
  }

  #allows(principal: Principal, request: AccessRequest): boolean {
    const { rules } = this.#parts;
    return rules === undefined ? principal.name !== '' : rules.allows(principal, request);
  }

  /**
   * Undefined for who is to say who they are, first or again. Who asks for `/v2/` wants to learn how to do so; else nobody in particular may be
   * enough for the rules.
   */
  async #identify(
    authorization: string | undefined,
    wantsSomething: boolean,
  ): Promise<Principal | undefined> {
    const { rules, tokens } = this.#parts;
    if (authorization === undefined && wantsSomething && rules?.servesAnonymous === true) return { name: '' };
    const credentials = basicCredentials(authorization);
    if (credentials !== undefined)
      return (await this.#check(credentials)) === undefined ? undefined : { name: credentials.user };
    const token = bearerToken(authorization);
    const session = token === undefined ? undefined : await tokens?.verify(token);
    if (session === undefined) return undefined;
    if (session.user === '') return { name: '' };
    const hash = await this.#parts.file.hashOf(session.user);
    return hash !== undefined && stampOf(hash) === session.stamp ? { name: session.user } : undefined;
  }

  /** The user's hash where the password is right. */
  async #check({ user, password }: Credentials): Promise<string | undefined> {
    const found = await this.#parts.file.hashOf(user);
    const hash = found !== undefined && isBcrypt(found) ? found : noHash;
    const matches = await this.#parts.passwords.matches(password, hash);
    return matches && hash !== noHash ? hash : undefined;
  }

  #challenge(accesses: readonly AccessRequest[], origin: string | undefined): EngineError {
    const { tokens, realm, tokenPath } = this.#parts;
    if (tokens === undefined || (origin ?? '') === '') return unauthorized(basicChallenge(realm));
    return unauthorized(bearerChallenge({ realm: `${origin}${tokenPath}`, service: realm, accesses }));
  }
}
