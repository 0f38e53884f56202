/** Addresses of receivers, as log options give them. */
import { invalidOption } from '../options.ts';

export type Transport = 'udp' | 'tcp' | 'tls' | 'unix' | 'unixgram';

export type Address =
  | { transport: 'udp' | 'tcp' | 'tls'; host: string; port: number }
  | { transport: 'unix' | 'unixgram'; path: string };

export interface AddressRules {
  /** Option, for errors. */
  name: string;
  /** By the text before `://`. */
  schemes: Readonly<Record<string, Transport>>;
  /** For addresses without a port; undefined where it must be given. */
  defaultPort?: number;
}

/** `scheme://host:port` or `scheme:///path`. EngineError `invalid-argument`. */
export function parseAddress(text: string, { name, schemes, defaultPort }: AddressRules): Address {
  const match = /^([a-z+]+):\/\/(.*)$/i.exec(text);
  const transport = schemes[match?.[1]?.toLowerCase() ?? ''];
  const rest = match?.[2] ?? '';
  if (match === null || transport === undefined) {
    const known = Object.keys(schemes).join(', ');
    throw invalidOption(`${name} should be in form proto://address, got ${text}`, `use one of ${known}`);
  }
  if (transport === 'unix' || transport === 'unixgram') {
    if (rest.startsWith('/')) return { transport, path: rest };
    throw invalidOption(
      `invalid ${name} ${text}: not an absolute path`,
      `write ${match[1]}:///path/of/socket`,
    );
  }
  return { transport, ...hostAndPort(text, rest.replace(/\/$/, ''), name, defaultPort) };
}

function hostAndPort(
  text: string,
  rest: string,
  name: string,
  defaultPort: number | undefined,
): { host: string; port: number } {
  const match = /^(\[[0-9a-f:.%]+\]|[^:[\]/?#]*)(?::(\d{1,5}))?$/i.exec(rest);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (match === null || port === undefined || port > 65_535) {
    throw invalidOption(`invalid ${name} ${text}: please provide proto://host:port`, 'write host and port');
  }
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}

export function describeAddress(address: Address): string {
  if ('path' in address) return `${address.transport}://${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.transport}://${host}:${address.port}`;
}
