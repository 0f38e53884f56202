/** Reads from the kernel what it refused to guarded containers: the elements of sets, see <linux/netfilter/nf_tables.h>. */
import { refusalSets } from './egress-script.ts';
import type { Netlink } from './host-network.ts';
import { formatAddress } from './ip-address.ts';
import {
  listAttributes,
  message,
  nlmFlags,
  parseAttributes,
  splitMessages,
  stringAttribute,
} from './netlink-message.ts';

/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM. */
const getElements = 0xa0d;
/** The answer: the same with NFT_MSG_NEWSETELEM. */
const newElements = 0xa0c;
/** `nfgenmsg`: NFPROTO_INET or NFPROTO_BRIDGE, version 0, no resource. */
const inet = Buffer.from([1, 0, 0, 0]);
const bridge = Buffer.from([7, 0, 0, 0]);
/** NFTA_SET_ELEM_LIST_*, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE. */
const list = { table: 1, set: 2, elements: 3 } as const;
const elementKey = 1;
const dataValue = 1;
const noSuchTable = 2;
const protocolNames: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
  132: 'sctp',
};

/** A packet that was refused, and others like it. */
export interface RefusedPacket {
  source: string;
  destination: string;
  /** `tcp`, `udp`, `icmp`, …, or a number. */
  protocol: string;
  port: number | undefined;
}

/** What was refused in the last minute; undefined where one of the tables is gone. */
export async function readRefusals(netlink: Netlink, table: string): Promise<RefusedPacket[] | undefined> {
  const sets = refusalSets.map((set) => elementsOf(inet, table, set));
  const { replies, failure } = await netlink.netlink([...sets, elementsOf(bridge, table, 'ports')]);
  if (failure !== undefined) return failure.errno === noSuchTable ? undefined : [];
  return refusalSets.flatMap((set, index) =>
    parseRefusals(replies[index] ?? Buffer.alloc(0), set.endsWith('4') ? 4 : 16),
  );
}

function elementsOf(header: Buffer, table: string, set: string): Buffer {
  const names = [stringAttribute(list.table, table), stringAttribute(list.set, set)];
  return message(getElements, nlmFlags.dump, header, ...names);
}

/** `size` of an address: 4 or 16 bytes. Each part of a key is padded to four bytes. */
export function parseRefusals(reply: Buffer, size: 4 | 16): RefusedPacket[] {
  return splitMessages(reply)
    .filter(({ type }) => type === newElements)
    .flatMap(({ body }) => {
      const elements = parseAttributes(body.subarray(inet.length)).get(list.elements);
      return elements === undefined ? [] : listAttributes(elements);
    })
    .flatMap((element) => {
      const key = parseAttributes(element).get(elementKey);
      const value = key === undefined ? undefined : parseAttributes(key).get(dataValue);
      return value === undefined || value.length < 2 * size + 4 ? [] : [packetOf(value, size)];
    });
}

function packetOf(value: Buffer, size: number): RefusedPacket {
  const number = value.readUInt8(2 * size);
  return {
    source: formatAddress(value.subarray(0, size)),
    destination: formatAddress(value.subarray(size, 2 * size)),
    protocol: protocolNames[number] ?? String(number),
    port: value.length < 2 * size + 8 ? undefined : value.readUInt16BE(2 * size + 4),
  };
}
