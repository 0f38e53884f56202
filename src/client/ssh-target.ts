/** `ssh://user@host:port/path`: which account on which host, and the command that reaches the daemon from there. */
import { EngineError } from '../errors/engine-error.ts';

export interface SshTarget {
  user?: string;
  host: string;
  port?: string;
  /** Path of the daemon's socket on that host, where it is not the usual one. */
  path?: string;
}

/** EngineError `invalid-argument` in docker's words for what can't be reached by ssh. */
export function parseSshTarget(address: string): SshTarget {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined && /^ssh:\/\/(?:[^/]*@)?(?::\d*)?(?:\/|$)/.test(address))
    throw invalid('hostname is empty');
  if (url === undefined) throw invalid(`parse ${JSON.stringify(address)}: it must be ssh://user@host:port`);
  if (url.password !== '') throw invalid('plain-text password is not supported');
  if (url.hostname === '') throw invalid('hostname is empty');
  if (url.search !== '')
    throw invalid(`query parameters are not allowed: ${JSON.stringify(url.search.slice(1))}`);
  if (url.hash !== '') throw invalid(`fragments are not allowed: ${JSON.stringify(url.hash.slice(1))}`);
  const user = decodeURIComponent(url.username);
  const host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  const path = decodeURIComponent(url.pathname);
  return {
    host,
    ...(user === '' ? {} : { user }),
    ...(url.port === '' ? {} : { port: url.port }),
    ...(path === '' || path === '/' ? {} : { path }),
  };
}

function invalid(why: string): EngineError {
  return new EngineError('invalid-argument', `ssh host connection is not valid: invalid SSH URL: ${why}`, {
    hint: 'Write ssh://user@host or ssh://user@host:port.',
  });
}

/** ssh's arguments, as docker's. What follows `--` is for the other host. */
export function sshArguments(target: SshTarget): string[] {
  return [
    ...['-o', 'ConnectTimeout=30', '-T'],
    ...(target.user === undefined ? [] : ['-l', target.user]),
    ...(target.port === undefined ? [] : ['-p', target.port]),
    ...['--', target.host, remoteCommand(target.path)],
  ];
}

/**
 * One command for every login shell: sh, csh and fish agree on single quotes. A host that has docker's command line
 * alone serves as well.
 */
function remoteCommand(path: string | undefined): string {
  const host = path === undefined ? '' : ` --host ${quoteTwice(`unix://${path}`)}`;
  const words = `${host} system dial-stdio`;
  return `sh -c 'if command -v gantry >/dev/null 2>&1; then exec gantry${words}; else exec docker${words}; fi'`;
}

/** A word in double quotes, within single quotes: what either ends or expands is refused. */
function quoteTwice(word: string): string {
  if (!/['"\\$`!\n]/.test(word)) return `"${word}"`;
  throw invalid(`the path ${JSON.stringify(word)} holds quotes or other marks of the shell`);
}
