/** Questions of guarded containers as they are passed on, and answers as they come back (RFC 1035, RFC 6891). Pure. */
import { type Answer, decode } from 'dns-packet';
import { parseAddress, parseSubnet, subnetContains } from './ip-address.ts';
import { failureReply, type NameQuery, questionOf, rcode, withId } from './names/name-message.ts';

const headerSize = 12;
const ownUdpSize = 1232;
/** A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, SVCB, HTTPS, CAA: what programs ask of a name. Any number at all would be a way to say something. */
const passedTypes: ReadonlySet<number> = new Set([1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 64, 65, 257]);
const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** In lower case; undefined for one with other characters than a host's name has. */
export function plainName(name: string): string | undefined {
  const lower = name.toLowerCase();
  return lower.length <= 253 && lower.split('.').every((one) => label.test(one)) ? lower : undefined;
}

/** Can this question be passed on? */
export function isPassedType(query: NameQuery): boolean {
  const question = questionOf(query.bytes);
  return question.length >= 4 && passedTypes.has(question.readUInt16BE(question.length - 4));
}

/**
 * The question as the daemon would ask it: `name` (from `plainName`) and type, and nothing else that the container wrote, since options, the case of letters, flags
 * and what follows could carry data out.
 */
export function ownQuery(query: NameQuery, name: string): Buffer {
  const labels = name
    .split('.')
    .map((text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]));
  const question = questionOf(query.bytes);
  const type = question.subarray(question.length - 4, question.length - 2);
  const header = Buffer.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, query.hasOptions ? 1 : 0);
  /* The root's name, OPT, our size, no extended code, version or flags, no options. */
  const options = Buffer.of(0, 0, 41, ownUdpSize >> 8, ownUdpSize & 0xff, 0, 0, 0, 0, 0, 0);
  return Buffer.concat([
    header,
    ...labels,
    Buffer.of(0),
    type,
    Buffer.of(0, 1),
    ...(query.hasOptions ? [options] : []),
  ]);
}

/** An answer to `ownQuery` as one to the container's own question, at most `size` bytes: one that is longer is said to be cut, and asked for again by TCP. */
export function answerTo(query: NameQuery, answer: Buffer, size: number): Buffer {
  const question = questionOf(query.bytes);
  if (questionOf(answer).length !== question.length) return failureReply(query, rcode.serverFailure);
  const copy = withId(answer, query.id);
  question.copy(copy, headerSize);
  if (copy.length <= size) return copy;
  const cut = Buffer.from(copy.subarray(0, headerSize + question.length));
  cut.writeUInt8(cut.readUInt8(2) | 0x02, 2);
  cut.fill(0, 6, headerSize);
  return cut;
}

export interface FoundAddresses {
  addresses: string[];
  /** Seconds. */
  ttl: number;
}

/** The addresses that an answer gives for a name, by way of its aliases, and how long they may be kept. Nothing where the answer can't be read. */
export function addressesFor(name: string, answer: Buffer): FoundAddresses {
  const found: FoundAddresses = { addresses: [], ttl: Number.POSITIVE_INFINITY };
  const names = new Set([name]);
  for (const record of recordsOf(answer)) {
    if (!names.has(record.name.toLowerCase().replace(/\.$/, ''))) continue;
    if (record.type === 'CNAME') names.add(record.data.toLowerCase().replace(/\.$/, ''));
    else if (record.type === 'A' || record.type === 'AAAA') found.addresses.push(record.data);
    else continue;
    found.ttl = Math.min(found.ttl, record.ttl ?? 0);
  }
  return found;
}

function recordsOf(answer: Buffer): Answer[] {
  try {
    return decode(answer).answers ?? [];
  } catch {
    return [];
  }
}

/** Unspecified, loopback, link-local, multicast, reserved; where clouds have their metadata; IPv4 in IPv6. */
const innerSubnets = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fd00:ec2::254/128',
  '::/96',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].map(parseSubnet);

/** May a name of the outside stand for this address? Else whoever answers for a name could open what is the host's own. */
export function isOuterAddress(address: string): boolean {
  const bytes = parseAddress(address);
  return !innerSubnets.some((subnet) => subnet.base.length === bytes.length && subnetContains(subnet, bytes));
}

/** Fit for a terminal, whoever wrote it. */
export function shownName(name: string): string {
  return name.slice(0, 253).replace(/[^\x21-\x7e]/g, '?');
}
