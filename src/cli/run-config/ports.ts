/** `-p` and `--expose` in all their forms. */
import { isIP } from 'node:net';
import { EngineError } from '../../errors/engine-error.ts';
import type { PortBinding } from '../../wire/host-config.ts';

export interface PublishedPorts {
  /** `80/tcp`. */
  exposed: Record<string, object>;
  bindings: Record<string, PortBinding[]>;
}

function fail(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

/**
 * Ports of `-p` (`80`, `8080:80/udp`, `127.0.0.1:8000-8005:80-85`, `[::1]::80`, `published=8080,target=80`) and of
 * `--expose` (`80`, `90-95/udp`). EngineError `invalid-argument` in docker's words.
 */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const ports: PublishedPorts = { exposed: {}, bindings: {} };
  for (const text of publish) addPublished(ports, text.includes('=') ? fromPairs(text) : text);
  for (const text of expose) addExposed(ports, text);
  return ports;
}

/** `published=8080,target=80,protocol=tcp` in the short form. */
function fromPairs(text: string): string {
  const fields = new Map([['protocol', 'tcp']]);
  for (const field of text.split(',')) {
    const [key = '', value, ...rest] = field.split('=');
    if (value === undefined || rest.length > 0) {
      throw fail(`invalid publish opts format (should be name=value but got '${field}')`);
    }
    fields.set(key, value);
  }
  return `${fields.get('published') ?? ''}:${fields.get('target') ?? ''}/${fields.get('protocol') ?? ''}`;
}

function addPublished(ports: PublishedPorts, text: string): void {
  const { address, hostPort, container } = splitParts(text);
  const [containerPort = '', protocol = 'tcp'] = container.split('/');
  if (containerPort === '') throw fail(`no port specified: ${text}<empty>`);
  const inside = parseRange(containerPort) ?? refuse(`invalid containerPort: ${containerPort}`);
  const outside =
    hostPort === '' ? undefined : (parseRange(hostPort) ?? refuse(`invalid hostPort: ${hostPort}`));
  const length = inside.last - inside.first;
  if (outside !== undefined && outside.last - outside.first !== length && length !== 0) {
    throw fail(`invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`);
  }
  checkProtocol(protocol);
  const dynamic = outside !== undefined && length === 0 && outside.last !== outside.first;
  for (let offset = 0; offset <= length; offset += 1) {
    const key = `${inside.first + offset}/${protocol.toLowerCase()}`;
    const single = outside === undefined ? '' : String(outside.first + offset);
    ports.exposed[key] = {};
    const bindings = ports.bindings[key] ?? [];
    ports.bindings[key] = [
      ...bindings,
      { HostIp: address, HostPort: dynamic ? `${outside.first}-${outside.last}` : single },
    ];
  }
}

function splitParts(text: string): { address: string; hostPort: string; container: string } {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  const hostPort = parts.pop() ?? '';
  const address = parts.join(':');
  if (address === '') return { address, hostPort, container };
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  if (bare !== '' && isIP(bare) === 0) throw fail(`invalid IP address: ${address}`);
  return { address: bare, hostPort, container };
}

function addExposed(ports: PublishedPorts, text: string): void {
  if (text.includes(':')) throw fail(`invalid port format for --expose: ${text}`);
  const [range = '', protocol = 'tcp'] = text.split('/');
  const parsed = parseRange(range);
  if (parsed === undefined) {
    const reason = /^\d+$/.test(range) ? 'value out of range' : 'invalid syntax';
    throw fail(
      `invalid range format for --expose: ${range}, error: strconv.ParseUint: parsing ${JSON.stringify(range)}: ${reason}`,
    );
  }
  checkProtocol(protocol);
  for (let port = parsed.first; port <= parsed.last; port += 1)
    ports.exposed[`${port}/${protocol.toLowerCase()}`] = {};
}

function checkProtocol(protocol: string): void {
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw fail(`invalid proto: ${protocol}`);
}

function parseRange(text: string): { first: number; last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65535 ? { first, last } : undefined;
}

function refuse(message: string): never {
  throw fail(message);
}
