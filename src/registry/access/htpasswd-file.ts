/** An htpasswd file: users and their bcrypt hashes, read again whenever it changes. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hash } from 'bcryptjs';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

export interface HtpasswdLog {
  warn(facts: object, message: string): void;
}

const bcryptPattern = /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/;

/** Users and hashes of a file's text. EngineError `invalid-argument` names the line that is none. */
export function parseHtpasswd(text: string, path: string): Map<string, string> {
  const users = new Map<string, string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon < 1)
      throw new EngineError('invalid-argument', `htpasswd: invalid entry at line ${index + 1} of ${path}`);
    users.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return users;
}

/** Is this a bcrypt hash? Other kinds are refused, as in distribution: they are too quick to guess. */
export function isBcrypt(candidate: string): boolean {
  return bcryptPattern.test(candidate);
}

export class HtpasswdFile {
  readonly #path: string;
  readonly #log: HtpasswdLog;
  #users = new Map<string, string>();
  /** What the file was like when it was read. */
  #seen = '';
  #reading: Promise<void> | undefined;

  private constructor(path: string, log: HtpasswdLog) {
    this.#path = path;
    this.#log = log;
  }

  /** Opens the file; makes one with the user `docker` and a random password, which is logged once, where there is none (as distribution does). */
  static async open(path: string, log: HtpasswdLog): Promise<HtpasswdFile> {
    const file = new HtpasswdFile(path, log);
    try {
      await file.#refresh();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw unreadable(path, error);
      await provision(path, log);
      await file.#refresh();
    }
    return file;
  }

  /** The user's hash now. A file that can no longer be read leaves what was read last, with a line in the log. */
  async hashOf(user: string): Promise<string | undefined> {
    this.#reading ??= this.#refresh()
      .catch((error: unknown) =>
        this.#log.warn({ path: this.#path }, `htpasswd cannot be read, the users stay: ${messageOf(error)}`),
      )
      .finally(() => {
        this.#reading = undefined;
      });
    await this.#reading;
    return this.#users.get(user);
  }

  async #refresh(): Promise<void> {
    const { mtimeMs, size, ino } = await stat(this.#path);
    const seen = `${mtimeMs} ${size} ${ino}`;
    if (seen === this.#seen) return;
    this.#users = parseHtpasswd(await readFile(this.#path, 'utf8'), this.#path);
    this.#seen = seen;
    const weak = [...this.#users].filter(([, one]) => !isBcrypt(one)).map(([user]) => user);
    if (weak.length > 0)
      this.#log.warn(
        { users: weak },
        'users without a bcrypt hash cannot log in: make lines with htpasswd -B',
      );
  }
}

async function provision(path: string, log: HtpasswdLog): Promise<void> {
  const password = randomBytes(32).toString('base64url');
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, `docker:${await hash(password, 10)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw unreadable(path, error);
  }
  log.warn({ user: 'docker', password }, 'htpasswd is missing, provisioning with default user');
}

function unreadable(path: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  return new EngineError('failed-precondition', `cannot read ${path}: ${messageOf(cause)}`, {
    cause,
    hint: 'Set auth.htpasswd.path (REGISTRY_AUTH_HTPASSWD_PATH) to a file that the registry may read.',
  });
}
