/** Netlink messages and their attributes as bytes: the framing that rtnetlink.ts fills, see netlink(7) and <linux/netlink.h>. */
import { endianness } from 'node:os';

/** `nlmsg_flags` of <linux/netlink.h>. */
export const nlmFlags = {
  request: 0x1,
  ack: 0x4,
  excl: 0x200,
  create: 0x400,
  replace: 0x100,
  dump: 0x300,
} as const;

const headerSize = 16;
const attributeHeaderSize = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are flags in the type (<linux/netlink.h>). */
const typeMask = 0x3fff;
const nested = 0x8000;
const little = endianness() === 'LE';

/** Netlink speaks the byte order of the machine. */
export function uint32(value: number): Buffer {
  return Buffer.from(Uint32Array.of(value).buffer);
}

export function int32(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer);
}

export function uint16(value: number): Buffer {
  return Buffer.from(Uint16Array.of(value).buffer);
}

export function readUint32(bytes: Buffer, offset: number): number {
  return little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

export function readInt32(bytes: Buffer, offset: number): number {
  return little ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset);
}

export function readUint16(bytes: Buffer, offset: number): number {
  return little ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/** One `rtattr`: length, type, payload, padded to four bytes (rtnetlink(3)). */
export function attribute(type: number, payload: Uint8Array): Buffer {
  const length = attributeHeaderSize + payload.length;
  const out = Buffer.alloc(align(length));
  uint16(length).copy(out, 0);
  uint16(type).copy(out, 2);
  out.set(payload, attributeHeaderSize);
  return out;
}

export function nestedAttribute(type: number, ...children: readonly Uint8Array[]): Buffer {
  return attribute(type | nested, Buffer.concat(children));
}

export function uint32Attribute(type: number, value: number): Buffer {
  return attribute(type, uint32(value));
}

export function byteAttribute(type: number, value: number): Buffer {
  return attribute(type, Uint8Array.of(value));
}

/** A name with its closing zero byte. */
export function stringAttribute(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`));
}

/** A complete message: `nlmsghdr`, then `parts` (each already padded to four bytes). The sequence number is the sender's to set. */
export function message(type: number, flags: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(headerSize);
  uint32(headerSize + body.length).copy(header, 0);
  uint16(type).copy(header, 4);
  uint16(flags | nlmFlags.request | nlmFlags.ack).copy(header, 6);
  return Buffer.concat([header, body]);
}

export interface NetlinkMessage {
  type: number;
  /** What follows the header. */
  body: Buffer;
}

/** The messages of a reply, in order. Ends quietly at a truncated one. */
export function splitMessages(bytes: Buffer): NetlinkMessage[] {
  const found: NetlinkMessage[] = [];
  let offset = 0;
  while (offset + headerSize <= bytes.length) {
    const length = readUint32(bytes, offset);
    if (length < headerSize || offset + length > bytes.length) break;
    found.push({
      type: readUint16(bytes, offset + 4),
      body: bytes.subarray(offset + headerSize, offset + length),
    });
    offset += align(length);
  }
  return found;
}

/** The attributes in `bytes`, by type; of several of one type the last. */
export function parseAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let offset = 0;
  while (offset + attributeHeaderSize <= bytes.length) {
    const length = readUint16(bytes, offset);
    if (length < attributeHeaderSize || offset + length > bytes.length) break;
    const type = readUint16(bytes, offset + 2) & typeMask;
    found.set(type, bytes.subarray(offset + attributeHeaderSize, offset + length));
    offset += align(length);
  }
  return found;
}

/** What the attributes in `bytes` hold, one after the other, whatever their types: the items of a list. */
export function listAttributes(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  let offset = 0;
  while (offset + attributeHeaderSize <= bytes.length) {
    const length = readUint16(bytes, offset);
    if (length < attributeHeaderSize || offset + length > bytes.length) break;
    found.push(bytes.subarray(offset + attributeHeaderSize, offset + length));
    offset += align(length);
  }
  return found;
}

/** Text up to its closing zero byte. */
export function textOf(payload: Buffer): string {
  const end = payload.indexOf(0);
  return payload.toString('utf8', 0, end < 0 ? payload.length : end);
}
