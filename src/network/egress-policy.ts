/** What a container may reach, as the user writes it (`allow=example.org:443,allow=10.0.0.0/8:5432`), read and checked. Pure. */
import { isIP, isIPv4 } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import { formatAddress, formatSubnet, maskAddress, parseCidr } from './ip-address.ts';

/** Ports of one protocol, both ends included. */
export interface PortRange {
  protocol: 'tcp' | 'udp';
  first: number;
  last: number;
}

/** A name (in lower case), everything below a name, or addresses (`10.0.0.0/8`, `192.0.2.7/32`). */
export type EgressHost =
  | { kind: 'name'; name: string }
  | { kind: 'below'; name: string }
  | { kind: 'subnet'; subnet: string };

export interface EgressRule extends PortRange {
  host: EgressHost;
}

/** Without rules nothing is allowed. */
export interface EgressPolicy {
  rules: readonly EgressRule[];
}

const mostRules = 256;
const lastPort = 65_535;
const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const help =
  'write allow=HOST:PORT, e.g. allow=example.org:443,allow=*.example.org:443,allow=10.0.0.0/8:5432';

/** `none`, or what is allowed, separated by commas. EngineError `invalid-argument` names the part that is wrong, and how to write it. */
export function parseEgress(text: string): EgressPolicy {
  if (text.trim() === 'none') return { rules: [] };
  const parts = text.split(',').map((part) => part.trim());
  if (parts[0] === '') throw invalid(text, 'it is empty', 'write "none", or allow=HOST:PORT');
  if (!parts[0]?.startsWith('allow=')) throw invalid(parts[0] ?? '', 'it begins with no allow=', help);
  if (parts.length > mostRules)
    throw invalid(
      `${parts.slice(0, 2).join(',')},…`,
      `there are more than ${mostRules} rules`,
      'use subnets',
    );
  return { rules: parts.map((part) => parseRule(part)) };
}

function parseRule(part: string): EgressRule {
  if (part === 'none') throw invalid(part, '"none" stands alone', 'leave it out, or leave out the rest');
  const text = part.replace(/^allow=/, '');
  const [, target = '', ports = ''] = /^(.*?|\[.*\](?:\/\d+)?):([^:\]]*)$/.exec(text) ?? [];
  if (target.includes(':') && !target.startsWith('['))
    throw invalid(part, 'an IPv6 address stands in brackets', 'write allow=[2001:db8::1]:443');
  if (target === '' || ports === '') throw invalid(part, 'the port is missing', `${help}; * means all ports`);
  return { host: parseHost(part, target), ...parsePorts(part, ports) };
}

function parsePorts(part: string, text: string): PortRange {
  const [, range = '', protocol = 'tcp'] = /^(\*|\d{1,5}(?:-\d{1,5})?)(?:\/([a-z]+))?$/.exec(text) ?? [];
  if (range === '') throw invalid(part, `${JSON.stringify(text)} is no port`, help);
  if (protocol !== 'tcp' && protocol !== 'udp')
    throw invalid(part, `${protocol} is no protocol that can be allowed`, 'use /tcp or /udp');
  if (range === '*') return { protocol, first: 1, last: lastPort };
  const [first = 0, last = first] = range.split('-').map(Number);
  if (first < 1 || last > lastPort || first > last)
    throw invalid(part, `${range} is no port`, 'use ports from 1 to 65535, the lower one first');
  return { protocol, first, last };
}

function parseHost(part: string, text: string): EgressHost {
  const address = text.replace(/^\[(.*)\](\/\d+)?$/, '$1$2');
  if (address.includes('/') || isIP(address) !== 0)
    return { kind: 'subnet', subnet: subnetOf(part, address) };
  if (text === '*')
    throw invalid(part, '* alone is no host', 'for everything write allow=0.0.0.0/0:PORT,allow=[::]/0:PORT');
  const isBelow = text.startsWith('*.');
  const name = (isBelow ? text.slice(2) : text).toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  const isName =
    name.length <= 253 && labels.every((one) => label.test(one)) && !/^\d+$/.test(labels.at(-1) ?? '');
  if (!isName)
    throw invalid(
      part,
      `${JSON.stringify(text)} is neither a name nor an address`,
      'other alphabets are written as xn--…',
    );
  return { kind: isBelow ? 'below' : 'name', name };
}

function subnetOf(part: string, text: string): string {
  if (!text.includes('/'))
    return `${formatAddress(parseCidr(`${text}/${isIPv4(text) ? 32 : 128}`).address)}/${isIPv4(text) ? 32 : 128}`;
  let parsed: ReturnType<typeof parseCidr>;
  try {
    parsed = parseCidr(text);
  } catch {
    throw invalid(part, `${text} is no subnet`, help);
  }
  const subnet = formatSubnet({
    base: maskAddress(parsed.address, parsed.prefixLength),
    prefixLength: parsed.prefixLength,
  });
  if (subnet === `${formatAddress(parsed.address)}/${parsed.prefixLength}`) return subnet;
  throw invalid(part, `${text} is no subnet`, `write ${subnet}`);
}

function invalid(part: string, why: string, hint: string): EngineError {
  return new EngineError('invalid-argument', `invalid egress rule ${JSON.stringify(part)}: ${why}`, { hint });
}

/** Does a rule speak of this name (in lower case, without the last dot)? */
export function matchesName({ host }: EgressRule, name: string): boolean {
  switch (host.kind) {
    case 'name':
      return host.name === name;
    case 'below':
      return name.endsWith(`.${host.name}`);
    case 'subnet':
      return false;
  }
}

/** The port ranges that addresses of names are allowed on, each once, in a fixed order: each has a set of addresses in the kernel. */
export function namedRanges({ rules }: EgressPolicy): PortRange[] {
  const found = new Map<string, PortRange>();
  for (const { host, protocol, first, last } of rules)
    if (host.kind !== 'subnet') found.set(`${protocol} ${first}-${last}`, { protocol, first, last });
  return [...found.values()];
}

/** Positions in `namedRanges` that a name is allowed on; none for a name that is not allowed. */
export function rangesOfName(policy: EgressPolicy, name: string): number[] {
  const ranges = namedRanges(policy);
  const matching = policy.rules.filter((rule) => matchesName(rule, name));
  return ranges.flatMap(({ protocol, first, last }, index) =>
    matching.some((rule) => rule.protocol === protocol && rule.first === first && rule.last === last)
      ? [index]
      : [],
  );
}
