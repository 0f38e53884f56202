/** Where the credentials of registries are kept: in a helper's keychain, or in config.json. */
import { ConfigFile } from './config-file.ts';
import { type Credentials, hostOf } from './credentials.ts';
import { askHelper, eraseFromHelper, giveToHelper, hasProgram, listOfHelper } from './helper-program.ts';

export interface StoredCredentials {
  /** Path of the file that now holds a password as it is; undefined where none does, or did before. */
  plainFile: string | undefined;
}

/** Logins that are given for the one command: they come before those that are kept, and nothing changes them. */
export type GivenLogins = ReadonlyMap<string, Credentials>;

export class CredentialStore {
  readonly #config: ConfigFile;
  readonly #given: GivenLogins;

  constructor(config: ConfigFile, given: GivenLogins = new Map()) {
    this.#config = config;
    this.#given = given;
  }

  /** EngineError `unavailable` where a helper fails. */
  get(server: string): Credentials | undefined {
    const given = this.#given.get(server);
    if (given !== undefined) return given;
    const helper = this.#helperOf(server);
    if (helper !== '') return askHelper(helper, server);
    const { auths } = this.#config;
    const exact = auths.get(server);
    const entry = exact ?? [...auths].find(([key]) => hostOf(key) === server)?.[1];
    if (entry === undefined) return undefined;
    const { username, password } = decodeAuth(entry.auth ?? '');
    const identityToken = entry.identitytoken ?? '';
    return username === '' && password === '' && identityToken === ''
      ? undefined
      : { username, password, identityToken };
  }

  /** EngineErrors as from the helper and from `ConfigFile.save`. */
  set(server: string, credentials: Credentials): StoredCredentials {
    const helper = this.#helperOf(server);
    if (helper !== '') {
      giveToHelper(helper, server, credentials);
      // An empty entry says that there is a login.
      this.#config.setAuth(server, {});
      this.#config.save();
      return { plainFile: undefined };
    }
    const { username, password, identityToken } = credentials;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const known = this.#config.auths.get(server)?.auth === auth;
    this.#config.setAuth(server, { auth, ...(identityToken === '' ? {} : { identitytoken: identityToken }) });
    this.#config.save();
    return { plainFile: password === '' || known ? undefined : this.#config.path };
  }

  /** Forgets all that was kept under any of these names. The first failure is thrown when all were tried. */
  erase(servers: readonly string[]): void {
    const failures: unknown[] = [];
    for (const server of servers) {
      const helper = this.#helperOf(server);
      if (helper === '') continue;
      try {
        eraseFromHelper(helper, server);
      } catch (error) {
        failures.push(error);
      }
    }
    const { auths } = this.#config;
    const kept = servers.filter((server) => auths.has(server));
    for (const server of kept) this.#config.deleteAuth(server);
    if (kept.length > 0) this.#config.save();
    if (failures.length > 0) throw failures[0];
  }

  /** Names of all servers with a login. A helper that fails is passed over. */
  servers(): string[] {
    const { auths, credentialHelpers, credentialStore } = this.#config;
    const listed = credentialStore === '' ? [] : quietList(credentialStore);
    const given = this.#given.keys();
    return [...new Set([...given, ...auths.keys(), ...credentialHelpers.keys(), ...listed])].sort();
  }

  #helperOf(server: string): string {
    return this.#config.credentialHelpers.get(server) || this.#config.credentialStore;
  }
}

function quietList(helper: string): string[] {
  try {
    return [...listOfHelper(helper).keys()];
  } catch {
    return [];
  }
}

function decodeAuth(auth: string): { username: string; password: string } {
  const text = Buffer.from(auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) return { username: '', password: '' };
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

/** The keychain of this host, where config.json names none and holds no login yet: as docker's client chooses it on Linux. */
function chooseStore(config: ConfigFile, path: string): void {
  const decided = config.credentialStore !== '' || config.credentialHelpers.size > 0 || config.auths.size > 0;
  if (decided) return;
  const name = hasProgram('pass', path) ? 'pass' : 'secretservice';
  if (hasProgram(`docker-credential-${name}`, path)) config.credentialStore = name;
}

export interface OpenCredentials {
  store: CredentialStore;
  /** Of config.json. */
  path: string;
  /** Why it could not be read. */
  problem: string | undefined;
  /** The helper for all registries; '' for none. */
  helper: string;
}

/** The store of the configuration in `folder`; `path` is where helpers are looked for, `given` comes before all of it. */
export function openCredentials(folder: string, path: string, given?: GivenLogins): OpenCredentials {
  const config = ConfigFile.read(folder);
  chooseStore(config, path);
  return {
    store: new CredentialStore(config, given),
    path: config.path,
    problem: config.problem,
    helper: config.credentialStore,
  };
}
