/** rtnetlink requests for interfaces on top of others: macvlan, ipvlan, VLANs; see the kernel headers named below. Pure. */
import { ipvlanFlags, ipvlanModes, type LinkMode, macvlanModes } from './macvlan-options.ts';
import {
  attribute,
  int32,
  message,
  nestedAttribute,
  nlmFlags,
  readUint16,
  stringAttribute,
  uint16,
  uint32,
  uint32Attribute,
} from './netlink-message.ts';
import { family, ifla, linkHeader, linkInfo, macBytes, rta, rtm } from './rtnetlink.ts';

/** RTM_NEWNSID of <linux/rtnetlink.h>. */
const makeNsid = 88;
/** NETNSA_* of <linux/net_namespace.h>. */
const netnsa = { nsid: 1, fd: 3 } as const;
/** IFLA_LINK, IFLA_LINK_NETNSID of <linux/if_link.h>. */
const lowerLink = { index: 5, nsid: 37 } as const;
/** IFLA_MACVLAN_MODE, IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS, IFLA_VLAN_ID of <linux/if_link.h>. */
const macvlanMode = 1;
const ipvlan = { mode: 1, flags: 2 } as const;
const vlanId = 1;
/** RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_LINK, RTN_UNICAST of <linux/rtnetlink.h>. */
const route = { tableMain: 254, protocolStatic: 4, scopeLink: 253, unicast: 1 } as const;

/** What the daemon's namespace is called in that of a container, so that a message there can name an interface here. */
export const daemonNsid = 0x6761;

/** Names the daemon's namespace in the one that the message is sent in: by a descriptor of the sender's. */
export function nameDaemonNamespace(fd: number): Buffer {
  return message(
    makeNsid,
    0,
    Uint8Array.of(family.unspec, 0, 0, 0),
    attribute(netnsa.nsid, int32(daemonNsid)),
    uint32Attribute(netnsa.fd, fd),
  );
}

/** Is it a message of `nameDaemonNamespace`? Only the first in a namespace succeeds. */
export function namesDaemonNamespace(bytes: Uint8Array): boolean {
  return readUint16(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 4) === makeNsid;
}

export interface UpperLink {
  name: string;
  /** Chosen, so that later messages need no lookup. */
  index: number;
  /** Undefined where the kernel, or the parent, says it. */
  mac: string | undefined;
  mtu: number;
  /** Index of the parent in the daemon's namespace. */
  parent: number;
  link: LinkMode;
  /** The message is sent in the daemon's namespace, and the link made in that of this process; else it is sent where the link is made. */
  namespacePid?: number;
}

/** Makes the interface, down: it is brought up once it has its addresses, which the kernel then announces (arp_notify). */
export function createUpperLink(options: UpperLink): Buffer {
  const { name, index, mac, mtu, parent, link, namespacePid } = options;
  return message(
    rtm.newLink,
    nlmFlags.create | nlmFlags.excl,
    linkHeader({ index }),
    stringAttribute(ifla.interfaceName, name),
    uint32Attribute(ifla.mtu, mtu),
    ...(mac === undefined ? [] : [attribute(ifla.address, macBytes(mac))]),
    uint32Attribute(lowerLink.index, parent),
    namespacePid === undefined
      ? attribute(lowerLink.nsid, int32(daemonNsid))
      : uint32Attribute(ifla.netnsPid, namespacePid),
    nestedAttribute(
      ifla.linkInfo,
      stringAttribute(linkInfo.kind, link.driver),
      nestedAttribute(linkInfo.data, ...modeAttributes(link)),
    ),
  );
}

function modeAttributes(link: LinkMode): Buffer[] {
  if (link.driver === 'macvlan') return [uint32Attribute(macvlanMode, macvlanModes[link.mode])];
  const mode = attribute(ipvlan.mode, uint16(ipvlanModes[link.mode]));
  return link.flag === 'bridge' ? [mode] : [mode, attribute(ipvlan.flags, uint16(ipvlanFlags[link.flag]))];
}

/** Makes the VLAN `id` of the interface `lower`, up. */
export function createVlanLink(options: { name: string; lower: number; id: number }): Buffer {
  return message(
    rtm.newLink,
    nlmFlags.create | nlmFlags.excl,
    linkHeader({ up: true }),
    stringAttribute(ifla.interfaceName, options.name),
    uint32Attribute(lowerLink.index, options.lower),
    nestedAttribute(
      ifla.linkInfo,
      stringAttribute(linkInfo.kind, 'vlan'),
      nestedAttribute(linkInfo.data, attribute(vlanId, uint16(options.id))),
    ),
  );
}

/** Makes an interface that leads nowhere, up. A bridge without ports is one too, on kernels without `dummy`. */
export function createBlindLink(name: string, kind: 'dummy' | 'bridge'): Buffer {
  return message(
    rtm.newLink,
    nlmFlags.create | nlmFlags.excl,
    linkHeader({ up: true }),
    stringAttribute(ifla.interfaceName, name),
    nestedAttribute(ifla.linkInfo, stringAttribute(linkInfo.kind, kind)),
  );
}

/** Brings a link up, by name. */
export function raiseNamedLink(name: string): Buffer {
  return message(rtm.setLink, 0, linkHeader({ up: true }), stringAttribute(ifla.interfaceName, name));
}

/** The default route of a family by an interface alone: whoever is asked for is thought to be behind it (ipvlan l3). */
export function addLinkDefaultRoute(index: number, version: 4 | 6, replace = false): Buffer {
  return message(
    rtm.newRoute,
    nlmFlags.create | (replace ? nlmFlags.replace : nlmFlags.excl),
    Buffer.concat([
      Uint8Array.of(version === 4 ? family.inet : family.inet6, 0, 0, 0),
      Uint8Array.of(route.tableMain, route.protocolStatic, route.scopeLink, route.unicast),
      uint32(0),
    ]),
    uint32Attribute(rta.outInterface, index),
  );
}
