/** rtnetlink requests as bytes: links, addresses, routes and neighbours, see rtnetlink(7) and the kernel headers named below. Pure. */
import { parseAddress } from './ip-address.ts';
import {
  attribute,
  byteAttribute,
  int32,
  message,
  nestedAttribute,
  nlmFlags,
  stringAttribute,
  uint16,
  uint32,
  uint32Attribute,
} from './netlink-message.ts';

/** Message types of <linux/rtnetlink.h>. */
export const rtm = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  getRoute: 26,
  newNeighbour: 28,
} as const;

/** Address families of <linux/socket.h>. */
export const family = { unspec: 0, inet: 2, inet6: 10 } as const;

/** IFF_UP of <linux/if.h>. */
export const interfaceUp = 0x1;

/** Attributes of links (IFLA_*) of <linux/if_link.h>. */
export const ifla = {
  address: 1,
  interfaceName: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  netnsPid: 19,
  alias: 20,
  familySpecific: 26,
  netnsFd: 28,
} as const;
export const linkInfo = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
/** VETH_INFO_PEER of <linux/veth.h>. */
const vethPeer = 1;
/** IFLA_BR_* of <linux/if_link.h>. */
const bridgeOption = { callIptables: 36, callIp6tables: 37 } as const;
/** IFLA_BRPORT_* of <linux/if_link.h>. */
const portOption = { hairpin: 4, isolated: 33 } as const;
/** IFLA_INET6_ADDR_GEN_MODE and its value for "no address by itself". */
const inet6AddressMode = { attribute: 8, none: 1 } as const;
/** IFA_* of <linux/if_addr.h>. */
export const ifa = { address: 1, local: 2, broadcast: 4, flags: 8 } as const;
/** No duplicate-address detection: the address is usable at once. */
const addressNoDad = 0x02;
/** RTA_*, RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNICAST of <linux/rtnetlink.h>. */
export const rta = { destination: 1, outInterface: 4, gateway: 5, table: 15 } as const;
const route = { tableMain: 254, protocolStatic: 4, scopeUniverse: 0, unicast: 1 } as const;
/** NDA_* and NUD_REACHABLE of <linux/neighbour.h>. */
const neighbour = { destination: 1, linkAddress: 2, reachable: 0x02 } as const;

/** `ifinfomsg`. Changes IFF_UP only where `up` is given. */
export function linkHeader(options: { index?: number; up?: boolean; family?: number }): Buffer {
  const up = options.up === true ? interfaceUp : 0;
  const change = options.up === undefined ? 0 : interfaceUp;
  return Buffer.concat([
    Uint8Array.of(options.family ?? family.unspec, 0),
    uint16(0),
    int32(options.index ?? 0),
    uint32(up),
    uint32(change),
  ]);
}

/** `02:42:ac:11:00:02` as six bytes. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));
}

export interface VethPair {
  /** The end in the namespace of the socket. */
  name: string;
  /** Chosen, so that later messages need no lookup. */
  index: number;
  mac: string;
  mtu: number;
  /** The other end, and its namespace: by a descriptor in the sending process, by that of a process, or the socket's own. */
  peer: { name: string; netnsFd?: number; netnsPid?: number };
}

/** Makes both ends in one message, each up in its final namespace: no link is ever moved, which costs an RCU grace period. */
export function createVethPair(pair: VethPair): Buffer {
  const peer = Buffer.concat([
    linkHeader({}),
    stringAttribute(ifla.interfaceName, pair.peer.name),
    uint32Attribute(ifla.mtu, pair.mtu),
    ...(pair.peer.netnsFd === undefined ? [] : [uint32Attribute(ifla.netnsFd, pair.peer.netnsFd)]),
    ...(pair.peer.netnsPid === undefined ? [] : [uint32Attribute(ifla.netnsPid, pair.peer.netnsPid)]),
  ]);
  return message(
    rtm.newLink,
    nlmFlags.create | nlmFlags.excl,
    linkHeader({ index: pair.index, up: true }),
    stringAttribute(ifla.interfaceName, pair.name),
    uint32Attribute(ifla.mtu, pair.mtu),
    attribute(ifla.address, macBytes(pair.mac)),
    nestedAttribute(
      ifla.linkInfo,
      stringAttribute(linkInfo.kind, 'veth'),
      nestedAttribute(linkInfo.data, nestedAttribute(vethPeer, peer)),
    ),
  );
}

export interface BridgeLink {
  name: string;
  mac: string;
  mtu: number;
}

/** Makes a bridge (down) with a fixed MAC: else it would take the lowest of its ports' and change as they come and go. */
export function createBridgeLink(link: BridgeLink): Buffer {
  return message(
    rtm.newLink,
    nlmFlags.create | nlmFlags.excl,
    linkHeader({}),
    stringAttribute(ifla.interfaceName, link.name),
    uint32Attribute(ifla.mtu, link.mtu),
    attribute(ifla.address, macBytes(link.mac)),
    nestedAttribute(ifla.linkInfo, stringAttribute(linkInfo.kind, 'bridge')),
  );
}

/** Gives a link a free text that stays with it (IFLA_IFALIAS). The kernel takes none when it makes a link. */
export function setAlias(name: string, alias: string): Buffer {
  return message(
    rtm.setLink,
    0,
    linkHeader({}),
    stringAttribute(ifla.interfaceName, name),
    attribute(ifla.alias, Buffer.from(alias)),
  );
}

/** Sets a bridge's MTU, lets the netfilter hooks of IP see bridged packets where `filterBridged`, and brings it up. */
export function configureBridgeLink(options: { name: string; mtu: number; filterBridged: boolean }): Buffer {
  const flag = options.filterBridged ? 1 : 0;
  return message(
    rtm.newLink,
    0,
    linkHeader({ up: true }),
    stringAttribute(ifla.interfaceName, options.name),
    uint32Attribute(ifla.mtu, options.mtu),
    nestedAttribute(
      ifla.linkInfo,
      stringAttribute(linkInfo.kind, 'bridge'),
      nestedAttribute(
        linkInfo.data,
        byteAttribute(bridgeOption.callIptables, flag),
        byteAttribute(bridgeOption.callIp6tables, flag),
      ),
    ),
  );
}

/** Puts the named link on a bridge. It gets no IPv6 address of its own: it only carries the container's frames. */
export function enslaveLink(name: string, bridgeIndex: number): Buffer {
  const mode = nestedAttribute(
    family.inet6,
    byteAttribute(inet6AddressMode.attribute, inet6AddressMode.none),
  );
  return message(
    rtm.setLink,
    0,
    linkHeader({}),
    stringAttribute(ifla.interfaceName, name),
    uint32Attribute(ifla.master, bridgeIndex),
    nestedAttribute(ifla.familySpecific, mode),
  );
}

export interface BridgePortOptions {
  /** Frames may go back out of the port they came in by: a container that reaches itself by a published port. */
  hairpin: boolean;
  /** No frames to other isolated ports. */
  isolated: boolean;
}

/** Brings a link on a bridge up, with the port options set in the same message. */
export function raiseBridgePort(name: string, options: BridgePortOptions): Buffer {
  const port = [
    ...(options.hairpin ? [byteAttribute(portOption.hairpin, 1)] : []),
    ...(options.isolated ? [byteAttribute(portOption.isolated, 1)] : []),
  ];
  const info = nestedAttribute(
    ifla.linkInfo,
    stringAttribute(linkInfo.slaveKind, 'bridge'),
    nestedAttribute(linkInfo.slaveData, ...port),
  );
  return message(
    rtm.newLink,
    0,
    linkHeader({ up: true }),
    stringAttribute(ifla.interfaceName, name),
    ...(port.length === 0 ? [] : [info]),
  );
}

/** Brings a link up, by index. */
export function raiseLink(index: number): Buffer {
  return message(rtm.setLink, 0, linkHeader({ index, up: true }));
}

export function deleteLink(name: string): Buffer {
  return message(rtm.delLink, 0, linkHeader({}), stringAttribute(ifla.interfaceName, name));
}

/** Asks for one link by name. */
export function getLink(name: string): Buffer {
  return message(rtm.getLink, 0, linkHeader({}), stringAttribute(ifla.interfaceName, name));
}

export function dumpLinks(): Buffer {
  return message(rtm.getLink, nlmFlags.dump, linkHeader({}));
}

export interface InterfaceAddress {
  index: number;
  address: string;
  prefixLength: number;
}

/** `ifaddrmsg` with its attributes. */
function addressParts(target: InterfaceAddress): Buffer[] {
  const bytes = parseAddress(target.address);
  const inet = bytes.length === 4;
  const header = Buffer.concat([
    Uint8Array.of(inet ? family.inet : family.inet6, target.prefixLength, 0, 0),
    uint32(target.index),
  ]);
  return [header, attribute(ifa.local, bytes), attribute(ifa.address, bytes)];
}

/** Adds an address; IPv4 with its subnet's broadcast address, IPv6 without duplicate-address detection. */
export function addAddress(target: InterfaceAddress): Buffer {
  const bytes = parseAddress(target.address);
  const extra =
    bytes.length === 4
      ? attribute(ifa.broadcast, broadcastOf(bytes, target.prefixLength))
      : uint32Attribute(ifa.flags, addressNoDad);
  return message(rtm.newAddress, nlmFlags.create | nlmFlags.replace, ...addressParts(target), extra);
}

export function deleteAddress(target: InterfaceAddress): Buffer {
  return message(rtm.delAddress, 0, ...addressParts(target));
}

function broadcastOf(address: Buffer, prefixLength: number): Buffer {
  const out = Buffer.alloc(4);
  const hostBits = prefixLength === 0 ? 0xffffffff : 2 ** (32 - prefixLength) - 1;
  out.writeUInt32BE((address.readUInt32BE(0) | hostBits) >>> 0);
  return out;
}

export function dumpAddresses(): Buffer {
  return message(rtm.getAddress, nlmFlags.dump, Uint8Array.of(family.unspec, 0, 0, 0), uint32(0));
}

/** `rtmsg` of the main table. */
function routeHeader(addressFamily: number): Buffer {
  return Buffer.concat([
    Uint8Array.of(addressFamily, 0, 0, 0),
    Uint8Array.of(route.tableMain, route.protocolStatic, route.scopeUniverse, route.unicast),
    uint32(0),
  ]);
}

/** The default route of `gateway`'s family, by `gateway` on interface `index`; with `replace` in place of the one that is there. */
export function addDefaultRoute(index: number, gateway: string, replace = false): Buffer {
  const bytes = parseAddress(gateway);
  return message(
    rtm.newRoute,
    nlmFlags.create | (replace ? nlmFlags.replace : nlmFlags.excl),
    routeHeader(bytes.length === 4 ? family.inet : family.inet6),
    attribute(rta.gateway, bytes),
    uint32Attribute(rta.outInterface, index),
  );
}

export function dumpRoutes(): Buffer {
  return message(rtm.getRoute, nlmFlags.dump, routeHeader(family.unspec));
}

/** Tells the kernel which MAC an address has now, so that an entry from the address's last owner does not linger. */
export function setNeighbour(index: number, address: string, mac: string): Buffer {
  const bytes = parseAddress(address);
  const header = Buffer.concat([
    Uint8Array.of(bytes.length === 4 ? family.inet : family.inet6, 0, 0, 0),
    int32(index),
    uint16(neighbour.reachable),
    Uint8Array.of(0, 0),
  ]);
  return message(
    rtm.newNeighbour,
    nlmFlags.create | nlmFlags.replace,
    header,
    attribute(neighbour.destination, bytes),
    attribute(neighbour.linkAddress, macBytes(mac)),
  );
}
