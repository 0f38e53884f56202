/** Where the daemon is: `unix:///run/gantry.sock`, `tcp://host:2375` with or without TLS, `ssh://user@host`. */
import type { Duplex } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { parseSshTarget, type SshTarget } from './ssh-target.ts';

export interface TlsSettings {
  /** Paths of PEM files; a file that isn't named isn't used. */
  ca?: string;
  certificate?: string;
  key?: string;
  /** False accepts any certificate of the daemon. */
  verify: boolean;
}

export type Endpoint =
  | { kind: 'unix'; path: string; label: string }
  | { kind: 'tcp'; host: string; port: number; tls?: TlsSettings; label: string }
  | { kind: 'ssh'; target: SshTarget; label: string }
  /** A daemon within this process. */
  | { kind: 'memory'; open: () => Duplex; label: string };

export const defaultHost = 'unix:///run/gantry.sock';

/** Parses a daemon's address as `-H` and DOCKER_HOST take it. EngineError `invalid-argument` for what is no address. */
export function parseEndpoint(address: string, tls?: TlsSettings): Endpoint {
  const match = /^([a-z]+):\/\/(.*)$/.exec(address.trim());
  if (match === null) return schemelessEndpoint(address.trim(), tls);
  const [, scheme = '', rest = ''] = match;
  switch (scheme) {
    case 'unix':
      return unixEndpoint(rest || '/run/gantry.sock');
    case 'tcp':
    case 'http':
      return tcpEndpoint(address, rest, tls);
    case 'https':
      return tcpEndpoint(address, rest, tls ?? { verify: true });
    case 'ssh':
      return { kind: 'ssh', target: parseSshTarget(address.trim()), label: address.trim() };
    default:
      throw unknownScheme(address, scheme);
  }
}

/** A path, or `host:port`. */
function schemelessEndpoint(address: string, tls: TlsSettings | undefined): Endpoint {
  if (address.startsWith('/')) return unixEndpoint(address);
  if (/^[^/\s]+(:\d+)?$/.test(address)) return tcpEndpoint(address, address, tls);
  throw unparsable(address, 'Write unix:///path/to/gantry.sock, tcp://host:port or ssh://user@host.');
}

function unixEndpoint(path: string): Endpoint {
  return { kind: 'unix', path, label: `unix://${path}` };
}

function unknownScheme(address: string, scheme: string): EngineError {
  if (scheme === 'npipe') {
    return unparsable(
      address,
      'Named pipes are for Windows: write unix:///path/to/gantry.sock, tcp://host:port or ssh://user@host.',
    );
  }
  if (scheme === 'fd')
    return unparsable(address, 'fd:// is for the daemon alone: name the socket that it listens on.');
  return unparsable(address, 'Write unix:///path/to/gantry.sock, tcp://host:port or ssh://user@host.');
}

function unparsable(address: string, hint: string): EngineError {
  return new EngineError('invalid-argument', `unable to parse docker host \`${address}\``, { hint });
}

function tcpEndpoint(address: string, rest: string, tls: TlsSettings | undefined): Endpoint {
  const authority = rest.replace(/\/.*$/, '');
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(authority);
  const port = Number(match?.[2] ?? (tls === undefined ? 2375 : 2376));
  if (match === null || port > 65535)
    throw new EngineError('invalid-argument', `invalid bind address: ${address}`);
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '') || 'localhost';
  const label = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return tls === undefined ? { kind: 'tcp', host, port, label } : { kind: 'tcp', host, port, tls, label };
}
