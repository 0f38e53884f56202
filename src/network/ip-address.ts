/** IPv4 and IPv6 addresses and subnets as numbers and bytes: parsing, writing, membership. Pure. */
import { isIPv4, isIPv6 } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';

/** A CIDR block. `base` has its host bits cleared; 4 bytes for IPv4, 16 for IPv6. */
export interface Subnet {
  base: Buffer;
  prefixLength: number;
}

/** 4 or 16 bytes in network order. EngineError `invalid-argument` for anything else. */
export function parseAddress(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (isIPv6(text) && !text.includes('%')) return parseIpv6(text);
  throw new EngineError('invalid-argument', `invalid IP address: ${text}`);
}

function parseIpv6(text: string): Buffer {
  const [head = '', tail] = text.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const middle = new Array<number>(8 - front.length - back.length).fill(0);
  const out = Buffer.alloc(16);
  for (const [index, group] of [...front, ...middle, ...back].entries()) out.writeUInt16BE(group, index * 2);
  return out;
}

/** The 16-bit groups of one side of `::`; an IPv4 tail counts as two. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** Dotted quad, or RFC 5952 text for IPv6. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0),
  );
  const [start, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  }
  return best;
}

/** An IPv4 address as a number. */
export function addressToNumber(text: string): number {
  return parseAddress(text).readUInt32BE(0);
}

export function numberToAddress(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return formatAddress(bytes);
}

/** `172.17.0.0/16`, host bits allowed and cleared. EngineError `invalid-argument`. */
export function parseSubnet(text: string): Subnet {
  const { address, prefixLength } = parseCidr(text);
  return { base: maskAddress(address, prefixLength), prefixLength };
}

/** `172.17.0.1/16` with the host bits kept. EngineError `invalid-argument`. */
export function parseCidr(text: string): { address: Buffer; prefixLength: number } {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const prefixLength = Number(length);
  if (address === '') throw new EngineError('invalid-argument', `invalid CIDR address: ${text}`);
  const bytes = parseAddress(address);
  if (prefixLength > bytes.length * 8)
    throw new EngineError('invalid-argument', `invalid CIDR address: ${text}`);
  return { address: bytes, prefixLength };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefixLength}`;
}

export function maskAddress(address: Uint8Array, prefixLength: number): Buffer {
  return Buffer.from(
    address.map((byte, index) => byte & (0xff << Math.max(0, Math.min(8, 8 - prefixLength + index * 8)))),
  );
}

export function subnetContains(subnet: Subnet, address: Uint8Array): boolean {
  return (
    address.length === subnet.base.length && maskAddress(address, subnet.prefixLength).equals(subnet.base)
  );
}

export function subnetsOverlap(a: Subnet, b: Subnet): boolean {
  if (a.base.length !== b.base.length) return false;
  return a.prefixLength <= b.prefixLength ? subnetContains(a, b.base) : subnetContains(b, a.base);
}

/** The address `offset` above the subnet's base; offsets below 2^32. */
export function addressAt(subnet: Subnet, offset: number): string {
  const bytes = Buffer.from(subnet.base);
  const at = bytes.length - 4;
  bytes.writeUInt32BE((bytes.readUInt32BE(at) + offset) >>> 0, at);
  return formatAddress(bytes);
}

/** How far `address` is above the base of its IPv4 subnet. */
export function offsetOf(subnet: Subnet, address: string): number {
  return addressToNumber(address) - subnet.base.readUInt32BE(0);
}

/** Number of addresses of an IPv4 subnet. */
export function subnetSize(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefixLength);
}

/** Does it stand for all addresses of its family? */
export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
