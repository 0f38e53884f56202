/** What EXPOSE opens: ports and ranges of them, with a protocol. */
import { isIP } from 'node:net';
import { EngineError } from '../../errors/engine-error.ts';
import { quoted } from '../../util/characters.ts';

export interface PortSpec {
  /** `80/tcp`, each of a range. */
  ports: string[];
  /** The protocol was not in lower case. */
  oddCase: boolean;
  /** An address or a port of the host was given, which EXPOSE has no use for. */
  hasHost: boolean;
}

/** Reads `[[IP:]HOSTPORT:]PORT[-PORT][/PROTOCOL]`. EngineError `invalid-argument`. */
export function parsePort(text: string): PortSpec {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  const hostPort = parts.pop() ?? '';
  const ip = parts.join(':');
  const slash = container.indexOf('/');
  const range = slash === -1 ? container : container.slice(0, slash);
  const written = slash === -1 ? '' : container.slice(slash + 1);
  const protocol = written === '' ? 'tcp' : written.toLowerCase();
  if (range === '') throw invalid(`invalid port: ${quoted(text)}: no port specified`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol))
    throw invalid(`invalid port: ${quoted(text)}: invalid proto: ${written}`);
  if (ip !== '' && isIP(ip.replace(/^\[(.*)\]$/, '$1')) === 0) throw invalid(`invalid IP address: ${ip}`);
  const [first, last] = parseRange(range) ?? fail(`invalid containerPort: ${range}`);
  if (hostPort !== '') checkHostRange(hostPort, range, last - first);
  return {
    ports: Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`),
    oddCase: written !== written.toLowerCase(),
    hasHost: ip !== '' || hostPort !== '',
  };
}

/** All ports of an EXPOSE whose variables are replaced, in order: `80/tcp`. EngineError. */
export function exposedPorts(texts: readonly string[]): string[] {
  return texts.flatMap((text) => parsePort(text).ports);
}

function checkHostRange(hostPort: string, range: string, length: number): void {
  const [first, last] = parseRange(hostPort) ?? fail(`invalid hostPort: ${hostPort}`);
  if (length !== 0 && last - first !== length)
    throw invalid(`invalid ranges specified for container and host Ports: ${range} and ${hostPort}`);
}

function parseRange(text: string): [first: number, last: number] | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65535 ? [first, last] : undefined;
}

function fail(message: string): never {
  throw invalid(message);
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message, {
    hint: 'write a port or a range, with tcp, udp or sctp behind it: 8080, 8000-8010/udp',
  });
}
