/** Makes the access control that a configuration asks for. */
import type { RegistryConfig } from '../config/registry-config.ts';
import type { AccessController } from '../registry-types.ts';
import { AccessRules } from './access-rules.ts';
import { HtpasswdAccess } from './htpasswd-access.ts';
import { HtpasswdFile, type HtpasswdLog } from './htpasswd-file.ts';
import { OpenAccess } from './open-access.ts';
import { PasswordCheck } from './password-check.ts';
import { type IssuedToken, SessionTokens } from './session-tokens.ts';
import { SillyAccess } from './silly-access.ts';
import { TokenAccess } from './token-access.ts';

export interface Access {
  controller: AccessController;
  /** Where the registry gives out tokens itself: the path (without the registry's prefix), and what is answered there. */
  tokenService?: { path: string; issue(authorization: string | undefined): Promise<IssuedToken> };
  close(): Promise<void>;
}

const tokenPath = '/v2/token';

/** EngineErrors `failed-precondition`, `invalid-argument` where a file of keys or users is missing or malformed. */
export async function createAccess(
  config: Pick<RegistryConfig, 'auth' | 'access' | 'catalogUsers' | 'http'>,
  log: HtpasswdLog,
): Promise<Access> {
  const rules = config.access.length === 0 ? undefined : new AccessRules(config.access, config.catalogUsers);
  const close = async (): Promise<void> => {};
  const { auth } = config;
  switch (auth.kind) {
    case 'none':
      return { controller: new OpenAccess(rules), close };
    case 'silly':
      return { controller: new SillyAccess(auth), close };
    case 'token':
      return { controller: new TokenAccess(auth), close };
    case 'htpasswd':
      return await createHtpasswd(config, auth, rules, log);
  }
}

async function createHtpasswd(
  { http }: Pick<RegistryConfig, 'http'>,
  { realm, path }: { realm: string; path: string },
  rules: AccessRules | undefined,
  log: HtpasswdLog,
): Promise<Access> {
  const passwords = new PasswordCheck();
  const tokens = rules?.servesAnonymous === true ? new SessionTokens(http.secret) : undefined;
  const controller = new HtpasswdAccess({
    realm,
    file: await HtpasswdFile.open(path, log),
    passwords,
    rules,
    tokens,
    tokenPath: `${http.prefix}${tokenPath}`,
  });
  const close = (): Promise<void> => passwords.close();
  if (tokens === undefined) return { controller, close };
  const issue = (authorization: string | undefined): Promise<IssuedToken> =>
    controller.issueToken(authorization);
  return { controller, tokenService: { path: tokenPath, issue }, close };
}
