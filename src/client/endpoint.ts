/** Where the daemon is: `unix:///run/gantry.sock`, `tcp://host:2375`, with or without TLS. */
import { EngineError } from '../errors/engine-error.ts';

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
  | { kind: 'tcp'; host: string; port: number; tls?: TlsSettings; label: string };

export const defaultHost = 'unix:///run/gantry.sock';

/**
 * Parses a daemon's address as `-H` and DOCKER_HOST take it. EngineError `invalid-argument` for what is no address and
 * `not-implemented` for ssh.
 */
export function parseEndpoint(address: string, tls?: TlsSettings): Endpoint {
  const match = /^([a-z]+):\/\/(.*)$/.exec(address.trim());
  const [, scheme = '', rest = ''] = match ?? [];
  if (scheme === 'unix')
    return { kind: 'unix', path: rest || '/run/gantry.sock', label: `unix://${rest || '/run/gantry.sock'}` };
  if (scheme === 'tcp' || scheme === 'http' || scheme === 'https') {
    return tcpEndpoint(address, rest, scheme === 'https' ? (tls ?? { verify: true }) : tls);
  }
  if (scheme === 'ssh') {
    throw new EngineError(
      'not-implemented',
      `unable to parse docker host \`${address}\`: ssh is not supported`,
      {
        hint: 'Forward the socket (ssh -L /tmp/gantry.sock:/run/gantry.sock HOST) and use -H unix:///tmp/gantry.sock.',
      },
    );
  }
  if (match === null && address.startsWith('/'))
    return { kind: 'unix', path: address, label: `unix://${address}` };
  if (match === null && /^[^/\s]+(:\d+)?$/.test(address)) return tcpEndpoint(address, address, tls);
  throw new EngineError('invalid-argument', `unable to parse docker host \`${address}\``, {
    hint: 'Write unix:///path/to/gantry.sock or tcp://host:port.',
  });
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
