/** Messages of the domain name system (RFC 1035, RFC 6891) as the name service needs them: questions in, short answers out. Pure. */
import { isIPv6 } from 'node:net';
import {
  type Answer,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { formatAddress } from '../ip-address.ts';

export const rcode = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

/** A question as it came. */
export interface NameQuery {
  id: number;
  recursionDesired: boolean;
  /** Without the last dot; '' where it could not be read. */
  name: string;
  /** `A`, `PTR`, `UNKNOWN_65`, … */
  type: string;
  /** Bytes that the asker takes by UDP. */
  udpSize: number;
  hasOptions: boolean;
  /** Why it can't be answered. */
  fault: number | undefined;
  bytes: Buffer;
}

/** What is answered by the name service itself. */
export interface NameReply {
  code: number;
  addresses?: readonly string[];
  pointer?: string;
}

const headerSize = 12;
const responseFlag = 0x80;
const opcodeMask = 0x78;
const recursionBit = 0x01;
/** Without EDNS a UDP message has at most this (RFC 1035, 4.2.1); with it, at most what fits a usual packet. */
const plainUdpSize = 512;
const ownUdpSize = 1232;
const mostUdpSize = 4096;
/** Nobody may remember an answer: it would be wrong as soon as a container ends. */
const ttl = 0;

/** Reads a question. Undefined for what deserves no answer: no header, or an answer itself. */
export function parseQuery(bytes: Buffer): NameQuery | undefined {
  if (bytes.length < headerSize || (bytes.readUInt8(2) & responseFlag) !== 0) return undefined;
  const query: NameQuery = {
    id: bytes.readUInt16BE(0),
    recursionDesired: (bytes.readUInt8(2) & recursionBit) !== 0,
    name: '',
    type: '',
    udpSize: plainUdpSize,
    hasOptions: false,
    fault: rcode.formatError,
    bytes,
  };
  if ((bytes.readUInt8(2) & opcodeMask) !== 0) return { ...query, fault: rcode.notImplemented };
  try {
    return { ...query, ...readQuestion(decode(bytes)) };
  } catch {
    return query;
  }
}

function readQuestion({ questions = [], additionals = [] }: Packet): Partial<NameQuery> {
  const [question] = questions;
  if (question === undefined || questions.length > 1) return {};
  const options = additionals.find((one) => one.type === 'OPT');
  const asked = options?.type === 'OPT' ? options.udpPayloadSize : plainUdpSize;
  return {
    name: question.name.replace(/\.$/, ''),
    type: question.type,
    udpSize: Math.min(mostUdpSize, Math.max(plainUdpSize, asked)),
    hasOptions: options !== undefined,
    fault: question.class === undefined || question.class === 'IN' ? undefined : rcode.refused,
  };
}

/** The answer's bytes, at most `size`: what does not fit is left out, and said to be. */
export function encodeReply(query: NameQuery, reply: NameReply, size: number): Buffer {
  const answers = answersOf(query, reply);
  const whole = encodeWith(query, reply.code, answers, false);
  if (whole.length <= size) return whole;
  const each = (whole.length - encodeWith(query, reply.code, [], false).length) / answers.length;
  const room = Math.floor((size - encodeWith(query, reply.code, [], false).length) / each);
  return encodeWith(query, reply.code, answers.slice(0, Math.max(0, room)), true);
}

function encodeWith(query: NameQuery, code: number, answers: Answer[], truncated: boolean): Buffer {
  const question = query.fault === rcode.formatError ? Buffer.alloc(0) : questionOf(query.bytes);
  const packet = encode({
    type: 'response',
    id: query.id,
    flags:
      (query.recursionDesired ? RECURSION_DESIRED : 0) |
      RECURSION_AVAILABLE |
      (truncated ? TRUNCATED_RESPONSE : 0) |
      code,
    answers,
    additionals: query.hasOptions
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: ownUdpSize,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
  packet.writeUInt16BE(question.length === 0 ? 0 : 1, 4);
  return Buffer.concat([packet.subarray(0, headerSize), question, packet.subarray(headerSize)]);
}

/** The question byte for byte, as resolvers compare it: with the letters' case, and types that have no name. */
export function questionOf(bytes: Buffer): Buffer {
  let end = headerSize;
  while (end < bytes.length && bytes.readUInt8(end) !== 0) end += bytes.readUInt8(end) + 1;
  return bytes.subarray(headerSize, Math.min(bytes.length, end + 5));
}

function answersOf({ name }: NameQuery, { addresses = [], pointer }: NameReply): Answer[] {
  if (pointer !== undefined) return [{ type: 'PTR', name, ttl, data: pointer }];
  return addresses.map((data) =>
    isIPv6(data) ? { type: 'AAAA', name, ttl, data } : { type: 'A', name, ttl, data },
  );
}

/** An answer that says nothing but why there is none. */
export function failureReply(query: NameQuery, code: number): Buffer {
  return encodeReply(query, { code }, mostUdpSize);
}

/** The address that a name below `in-addr.arpa` or `ip6.arpa` stands for; undefined for any other name. */
export function addressOfPointer(name: string): string | undefined {
  const [, labels = '', zone = ''] = /^(.+)\.(in-addr|ip6)\.arpa$/i.exec(name) ?? [];
  const parts = labels.split('.').reverse();
  if (zone.toLowerCase() === 'in-addr') {
    const isAddress =
      parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
    return isAddress ? parts.map(Number).join('.') : undefined;
  }
  if (parts.length !== 32 || !parts.every((part) => /^[0-9a-f]$/i.test(part))) return undefined;
  return formatAddress(Buffer.from(parts.join(''), 'hex'));
}

/** Does an answer belong to a question: the same number, and the same question? */
export function answers(query: Buffer, answer: Buffer): boolean {
  if (answer.length < headerSize || answer.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if ((answer.readUInt8(2) & responseFlag) === 0) return false;
  if (answer.readUInt16BE(4) === 0) return codeOf(answer) !== rcode.ok;
  const [asked, told] = [questionOf(query), questionOf(answer)];
  return asked.toString('latin1').toLowerCase() === told.toString('latin1').toLowerCase();
}

export function codeOf(answer: Buffer): number {
  return answer.readUInt8(3) & 0x0f;
}

/** The same message under another number. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** A message with its length before it, as TCP has them (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
