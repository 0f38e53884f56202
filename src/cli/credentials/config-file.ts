/** Docker's config.json of the user: read leniently, written whole and for the owner's eyes only. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

/** What `auths` has for a registry. A credential helper's registries have empty entries. */
export interface AuthEntry {
  /** base64 of `username:password`. */
  auth?: string;
  identitytoken?: string;
}

type Fields = Record<string, unknown>;

export class ConfigFile {
  readonly path: string;
  /** Why the file could not be read; undefined where it could, or is not there. */
  readonly problem: string | undefined;
  #fields: Fields;

  private constructor(path: string, fields: Fields, problem: string | undefined) {
    this.path = path;
    this.problem = problem;
    this.#fields = fields;
  }

  /** Reads `folder`'s config.json. A file that is no JSON counts as empty, with `problem` set. */
  static read(folder: string): ConfigFile {
    const path = join(folder, 'config.json');
    try {
      return new ConfigFile(path, parse(readFileSync(path, 'utf8')), undefined);
    } catch (error) {
      const missing = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
      return new ConfigFile(path, {}, missing ? undefined : messageOf(error));
    }
  }

  /** Name of the program that keeps all credentials; '' for none. */
  get credentialStore(): string {
    const name = this.#fields['credsStore'];
    return typeof name === 'string' ? name : '';
  }

  set credentialStore(name: string) {
    this.#fields = { ...this.#fields, credsStore: name };
  }

  /** The context that commands use where nothing else is said; '' for the default one. */
  get currentContext(): string {
    const name = this.#fields['currentContext'];
    return typeof name === 'string' ? name : '';
  }

  set currentContext(name: string) {
    const { currentContext: _, ...others } = this.#fields;
    this.#fields = { auths: {}, ...others, ...(name === '' ? {} : { currentContext: name }) };
  }

  /** Names of programs by registry. */
  get credentialHelpers(): ReadonlyMap<string, string> {
    const entries = Object.entries(objectOf(this.#fields['credHelpers']));
    return new Map(entries.flatMap(([key, name]) => (typeof name === 'string' ? [[key, name]] : [])));
  }

  /** By registry, as it was written. */
  get auths(): ReadonlyMap<string, AuthEntry> {
    return new Map(Object.entries(objectOf(this.#fields['auths'])).map(([key, one]) => [key, entryOf(one)]));
  }

  setAuth(key: string, entry: AuthEntry): void {
    const others = Object.entries(objectOf(this.#fields['auths'])).filter(([name]) => name !== key);
    const auths = [...others, [key, entry] as const].sort(([one], [other]) => (one < other ? -1 : 1));
    this.#fields = { auths: {}, ...this.#fields };
    this.#fields['auths'] = Object.fromEntries(auths);
  }

  deleteAuth(key: string): void {
    const left = Object.entries(objectOf(this.#fields['auths'])).filter(([name]) => name !== key);
    this.#fields = { auths: {}, ...this.#fields };
    this.#fields['auths'] = Object.fromEntries(left);
  }

  /**
   * Replaces the file at once, with everything in it that is not Gantry's to know; where it is a symbolic link, what that points to. EngineErrors
   * `failed-precondition` for a file that could not be read (it would be lost) and for one that cannot be written.
   */
  save(): void {
    if (this.problem !== undefined) {
      throw new EngineError('failed-precondition', `could not parse ${this.path}: ${this.problem}`, {
        hint: 'Mend the file, or move it away.',
      });
    }
    const text = JSON.stringify(this.#fields, null, '\t');
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      replaceFile(targetOf(this.path), text);
    } catch (error) {
      throw new EngineError('failed-precondition', `could not write ${this.path}: ${messageOf(error)}`, {
        cause: error,
        hint: 'Make its folder writable, or choose another with --config or DOCKER_CONFIG.',
      });
    }
  }
}

function parse(text: string): Fields {
  if (text.trim() === '') return {};
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EngineError('invalid-argument', 'it holds no JSON object');
  }
  return { ...value };
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function entryOf(value: unknown): AuthEntry {
  const { auth, identitytoken } = objectOf(value);
  return {
    ...(typeof auth === 'string' && auth !== '' ? { auth } : {}),
    ...(typeof identitytoken === 'string' && identitytoken !== '' ? { identitytoken } : {}),
  };
}

function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Whoever reads meanwhile sees the old file or the new one. */
function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
