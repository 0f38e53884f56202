/** `auth` and `gantry.access`: who is asked for a name, and who may do what. */
import type { ConfigurationFile } from './keys.ts';
import { checkPattern, type Refuse, without } from './refuse.ts';
import type { AccessRule, AuthConfig } from './registry-config.ts';

type AuthKeys = NonNullable<ConfigurationFile['auth']>;

export function toAuth(auth: AuthKeys = {}, refuse: Refuse): AuthConfig {
  const kinds = (Object.keys(auth) as Array<keyof AuthKeys>).filter((kind) => kind !== 'none');
  if (kinds.length > 1)
    return refuse(['auth'], `must provide exactly one type. Provided: ${kinds.join(', ')}`);
  if (auth.silly !== undefined) {
    const { realm = 'silly', service = 'silly' } = auth.silly;
    return { kind: 'silly', realm, service };
  }
  if (auth.htpasswd !== undefined) {
    const { realm, path } = auth.htpasswd;
    if (path === undefined || path === '')
      return refuse(['auth', 'htpasswd'], '"path" must be set for htpasswd access controller');
    return { kind: 'htpasswd', realm: realm || 'Registry', path };
  }
  return auth.token === undefined ? { kind: 'none' } : toToken(auth.token, refuse);
}

function toToken(token: NonNullable<AuthKeys['token']>, refuse: Refuse): AuthConfig {
  for (const key of ['realm', 'service', 'issuer'] as const) {
    if (token[key] === undefined || token[key] === '')
      return refuse(['auth', 'token'], `token auth requires a valid option string: "${key}"`);
  }
  const rootCertBundle = token.rootcertbundle || undefined;
  const jwks = token.jwks || undefined;
  if (rootCertBundle === undefined && jwks === undefined) {
    return refuse(
      ['auth', 'token'],
      'token auth requires at least one token signing key',
      'Name a file of certificates (rootcertbundle) or of keys (jwks).',
    );
  }
  return {
    kind: 'token',
    realm: token.realm ?? '',
    service: token.service ?? '',
    issuer: token.issuer ?? '',
    algorithms: token.signingalgorithms ?? [],
    ...without({
      rootCertBundle,
      jwks,
      autoRedirectPath: token.autoredirect === true ? token.autoredirectpath || '/auth/token' : undefined,
    }),
  };
}

type RuleKeys = NonNullable<NonNullable<ConfigurationFile['gantry']>['access']>[number];

export function toRules(rules: readonly RuleKeys[], auth: AuthConfig, refuse: Refuse): AccessRule[] {
  if (rules.length > 0 && (auth.kind === 'token' || auth.kind === 'silly')) {
    return refuse(
      ['gantry', 'access'],
      `with auth.${auth.kind} the token says what one may do`,
      'Use auth.htpasswd, or take gantry.access away.',
    );
  }
  return rules.map((rule, index) => toRule(rule, index, auth, refuse));
}

function toRule(rule: RuleKeys, index: number, auth: AuthConfig, refuse: Refuse): AccessRule {
  const at = ['gantry', 'access', index];
  const { anonymous = false, users = [], repositories = ['**'], actions = ['pull'] } = rule;
  if (!anonymous && users.length === 0)
    return refuse(
      at,
      'users, or anonymous: true, is missing',
      'Say whom the rule is for; users: ["*"] is everyone with a password.',
    );
  if (users.length > 0 && auth.kind === 'none')
    return refuse(
      [...at, 'users'],
      'nobody is known without auth',
      'Set auth.htpasswd, or write anonymous: true.',
    );
  for (const [place, pattern] of repositories.entries())
    checkPattern(pattern, [...at, 'repositories', place], refuse);
  return { anonymous, users, repositories, actions };
}
