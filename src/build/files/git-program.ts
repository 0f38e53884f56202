/** Runs git with nothing of this host's configuration, no hooks and no protocol but those of networks. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import { cancelled } from './files-thread.ts';

export interface GitOptions {
  launcher: Pick<Launcher, 'run'>;
  /** The working tree. */
  directory: string;
  /** Of git's own; see git(1). */
  environment: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** Milliseconds; of large repositories. */
const patience = 30 * 60_000;
const settings = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.logAllRefUpdates': 'false',
  'credential.helper': '',
  'protocol.ext.allow': 'never',
  'protocol.file.allow': 'never',
  'advice.detachedHead': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
};
const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];

export interface GitAccess {
  sshAgent?: string | undefined;
  /** Sent to this repository's server alone, never to where it redirects. */
  token?: string | undefined;
}

/** Submodules are fetched with the same. */
export function gitEnvironment(remote: string, { sshAgent, token }: GitAccess): Record<string, string> {
  const passed = proxies.flatMap((name) => [name, name.toUpperCase()]);
  const set = passed.flatMap((name): Array<[string, string]> => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(set),
    ...configured(token === undefined ? settings : { ...settings, ...credentials(remote, token) }),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'http:https:git:ssh',
    GIT_SSH_COMMAND: 'ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    ...(sshAgent === undefined ? {} : { SSH_AUTH_SOCK: sshAgent }),
  };
}

/** By the environment: no other process sees it there. */
function configured(values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(values).flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(entries.length / 2), ...Object.fromEntries(entries) };
}

function credentials(remote: string, token: string): Record<string, string> {
  if (!URL.canParse(remote) || !remote.startsWith('https:')) return {};
  const header = `Authorization: basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  return { [`http.${new URL(remote).origin}/.extraHeader`]: header, 'http.followRedirects': 'false' };
}

/** Its output. EngineErrors: `unavailable` with git's own words, `cancelled`, `failed-precondition` where there is no git. */
export async function git(options: GitOptions, args: readonly string[]): Promise<string> {
  const { launcher, directory, environment, signal } = options;
  const result = await launcher.run({
    argv: ['git', '-C', directory, ...args],
    env: environment,
    timeoutMs: patience,
    signal,
  });
  if (signal.aborted) throw cancelled();
  if (result.exitCode === 0) return result.stdout.toString().trim();
  const said = result.stderr.toString().trim() || `status ${result.exitCode ?? result.signal}`;
  throw new EngineError('unavailable', `git ${args[0] ?? ''}: ${result.timedOut ? 'timed out' : said}`, {
    hint: 'check the address and the reference, and that this host can reach the server',
  });
}
