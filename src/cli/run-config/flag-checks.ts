/** Checks and normal forms of single values of run's flags, with docker's words for what is wrong. */
import { isIP } from 'node:net';
import { EngineError } from '../../errors/engine-error.ts';

function fail(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

/** `stdin`, `STDOUT`, … in lower case. */
export function checkAttach(value: string): string {
  const stream = value.toLowerCase();
  if (['stdin', 'stdout', 'stderr'].includes(stream)) return stream;
  throw fail('valid streams are STDIN, STDOUT and STDERR');
}

/** `NAME=value`, or `NAME`, which takes the value of the caller's environment if it has one. */
export function checkEnv(value: string): string {
  const equals = value.indexOf('=');
  if (value === '' || equals === 0) throw fail(`invalid environment variable: ${value}`);
  if (equals > 0) return value;
  const own = process.env[value];
  return own === undefined ? value : `${value}=${own}`;
}

export function checkLabel(value: string): string {
  const equals = value.indexOf('=');
  if (value === '' || equals === 0) throw fail(`invalid label '${value}': empty name`);
  return value;
}

/** `HOST:IP` from `HOST:IP`, `HOST=IP` or with brackets around IPv6. */
export function checkAddHost(value: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(value);
  if (match === null) throw fail(`bad format for add-host: ${JSON.stringify(value)}`);
  const [, host = '', address = ''] = match;
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  if (bare !== 'host-gateway' && isIP(bare) === 0)
    throw fail(`invalid IP address in add-host: ${JSON.stringify(bare)}`);
  return `${host}:${bare}`;
}

export function checkDns(value: string): string {
  const address = value.trim();
  if (isIP(address.replace(/%.*$/, '')) === 0) throw fail(`IP address is not correctly formatted: ${value}`);
  return address;
}

export function checkDnsSearch(value: string): string {
  const domain = value.trim();
  if (domain === '.') return domain;
  if (
    /^[\p{L}\p{N}_]([\p{L}\p{N}_-]*[\p{L}\p{N}_])?(\.[\p{L}\p{N}_]([\p{L}\p{N}_-]*[\p{L}\p{N}_])?)*\.?$/u.test(
      domain,
    )
  )
    return domain;
  throw fail(`${domain} is not a valid domain`);
}

export function checkLink(value: string): string {
  const parts = value.split(':');
  if (value === '') throw fail('empty string specified for links');
  if (parts.length > 2) throw fail(`bad format for links: ${value}`);
  return value;
}

const ipcSysctls = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
);

/** Only settings that belong to a container's own namespaces. */
export function checkSysctl(value: string): string {
  const name = value.split('=')[0] ?? '';
  const namespaced = ipcSysctls.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.');
  if (value.includes('=') && namespaced) return value;
  throw fail(
    `sysctl '${value}' is not allowed`,
    'Only net.*, fs.mqueue.* and the kernel.* settings of IPC belong to a container.',
  );
}
