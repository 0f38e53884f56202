/** Credential helpers: programs named `docker-credential-NAME` that keep passwords in a keychain (docker-credential-helpers, "Development"). */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import type { Credentials } from './credentials.ts';

/** Stands for the user where the secret is an identity token. */
const tokenUser = '<token>';

/** Undefined where the helper knows nothing of `server`. EngineError `unavailable` where it fails. */
export function askHelper(name: string, server: string): Credentials | undefined {
  const answer = runHelper(name, 'get', server);
  if (answer.failure !== undefined) {
    if (/credentials not found/i.test(answer.output)) return undefined;
    throw helperError('getting', answer);
  }
  const found = parseAnswer(answer.output);
  const [username, secret] = [textOf(found, 'Username'), textOf(found, 'Secret')];
  if (username === tokenUser) return { username: '', password: '', identityToken: secret };
  return { username, password: secret, identityToken: '' };
}

/** EngineError `unavailable` where the helper fails. */
export function giveToHelper(name: string, server: string, credentials: Credentials): void {
  const { username, password, identityToken } = credentials;
  const isToken = identityToken !== '';
  const document = {
    ServerURL: server,
    Username: isToken ? tokenUser : username,
    Secret: isToken ? identityToken : password,
  };
  const answer = runHelper(name, 'store', JSON.stringify(document));
  if (answer.failure !== undefined) throw helperError('storing', answer);
}

/** Nothing happens where the helper knows nothing of `server`. EngineError `unavailable` where it fails. */
export function eraseFromHelper(name: string, server: string): void {
  const answer = runHelper(name, 'erase', server);
  if (answer.failure === undefined || /credentials not found/i.test(answer.output)) return;
  throw helperError('erasing', answer);
}

/** Users by server. EngineError `unavailable` where the helper fails. */
export function listOfHelper(name: string): ReadonlyMap<string, string> {
  const answer = runHelper(name, 'list', '');
  if (answer.failure !== undefined) throw helperError('listing', answer);
  const entries = Object.entries(Object(parseAnswer(answer.output)));
  return new Map(entries.map(([server, user]) => [server, String(user)]));
}

/** Is there such a program on the PATH? */
export function hasProgram(name: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

interface Answer {
  output: string;
  /** In Go's words. */
  failure: string | undefined;
}

/** The helper may talk to the user on stderr, and ask for a key: it has as long as it takes. */
function runHelper(name: string, action: string, input: string): Answer {
  const program = `docker-credential-${name}`;
  const { error, status, signal, stdout } = spawnSync(program, [action], {
    input,
    stdio: ['pipe', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  const output = (stdout ?? '').trim();
  // A helper that answers without reading its input breaks the pipe: that is no failure.
  if (error !== undefined && errnoOf(error) !== 'EPIPE')
    return { output, failure: startFailure(program, error) };
  if (status === 0) return { output, failure: undefined };
  return { output, failure: status === null ? `signal: ${signal ?? 'unknown'}` : `exit status ${status}` };
}

function startFailure(program: string, error: Error): string {
  const reason = errnoOf(error) === 'ENOENT' ? 'executable file not found in $PATH' : messageOf(error);
  return `exec: ${JSON.stringify(program)}: ${reason}`;
}

function helperError(doing: string, { failure, output }: Answer): EngineError {
  const message = `error ${doing} credentials - err: ${failure}, out: \`${output}\``;
  return new EngineError('unavailable', message, {
    hint: 'Install the credential helper, or change credsStore and credHelpers in config.json.',
  });
}

function parseAnswer(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch (error) {
    throw new EngineError('data-loss', `the credential helper answered with no JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function textOf(value: unknown, name: string): string {
  const field: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return typeof field === 'string' ? field : '';
}
