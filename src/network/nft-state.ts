/** What the kernel says of an nftables table, over nfnetlink and without a process, see <linux/netfilter/nf_tables.h>. */

import type { Netlink } from './host-network.ts';
import {
  message,
  nlmFlags,
  parseAttributes,
  splitMessages,
  stringAttribute,
  textOf,
} from './netlink-message.ts';

/** NFNL_SUBSYS_NFTABLES << 8. */
const subsystem = 0xa00;
const get = { table: subsystem | 1, chain: subsystem | 4, generation: subsystem | 16 } as const;
/** NFTA_GEN_ID, NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_USE. */
const attribute = { generation: 1, tableName: 1, chainTable: 1, chainName: 3, chainUse: 6 } as const;
const nfgenmsg = 4;
const inet = 1;

/** `nfgenmsg`: family, version 0, no resource. */
function header(family: number): Buffer {
  return Buffer.from([family, 0, 0, 0]);
}

/** A number that is another one after each change of any table; undefined where the kernel has no nf_tables. */
export async function rulesGeneration(netlink: Netlink): Promise<number | undefined> {
  const { replies, failure } = await netlink.netlink([message(get.generation, 0, header(0))]);
  const [reply] = splitMessages(replies[0] ?? Buffer.alloc(0));
  if (failure !== undefined || reply === undefined) return undefined;
  return parseAttributes(reply.body.subarray(nfgenmsg)).get(attribute.generation)?.readUInt32BE(0);
}

/** Is there a table of this family and name? */
export async function hasTable(netlink: Netlink, name: string, family: number = inet): Promise<boolean> {
  const request = message(get.table, 0, header(family), stringAttribute(attribute.tableName, name));
  return (await netlink.netlink([request])).failure === undefined;
}

/** The chains of an inet table and how many rules and jumps each has, as one line of text to compare; '' where it has none or is not there. */
export async function chainsOf(netlink: Netlink, table: string): Promise<string> {
  const { replies } = await netlink.netlink([message(get.chain, nlmFlags.dump, header(inet))]);
  const chains = splitMessages(replies[0] ?? Buffer.alloc(0)).map(({ body }) =>
    parseAttributes(body.subarray(nfgenmsg)),
  );
  return chains
    .filter((chain) => textOf(chain.get(attribute.chainTable) ?? Buffer.alloc(0)) === table)
    .map(
      (chain) =>
        `${textOf(chain.get(attribute.chainName) ?? Buffer.alloc(0))} ${chain.get(attribute.chainUse)?.readUInt32BE(0)}`,
    )
    .sort()
    .join(', ');
}
