/** What the kernel answers to rtnetlink dumps: links, addresses and routes, see rtnetlink(7). Pure. */
import { formatAddress, type Subnet } from './ip-address.ts';
import { parseAttributes, readInt32, readUint32, splitMessages, textOf } from './netlink-message.ts';
import { ifa, ifla, interfaceUp, rta, rtm } from './rtnetlink.ts';

export interface Link {
  index: number;
  name: string;
  up: boolean;
  mtu: number;
  mac: string;
  alias: string;
  /** Index of the bridge it is on. */
  master: number | undefined;
}

export interface AssignedAddress {
  index: number;
  address: string;
  prefixLength: number;
}

const linkHeaderSize = 16;
const addressHeaderSize = 8;
const routeHeaderSize = 12;

/** Links of a reply to `dumpLinks` or `getLink`. */
export function parseLinks(reply: Buffer): Link[] {
  return splitMessages(reply).flatMap(({ type, body }) => {
    if (type !== rtm.newLink || body.length < linkHeaderSize) return [];
    const attributes = parseAttributes(body.subarray(linkHeaderSize));
    const master = attributes.get(ifla.master);
    const mtu = attributes.get(ifla.mtu);
    return [
      {
        index: readInt32(body, 4),
        up: (readUint32(body, 8) & interfaceUp) !== 0,
        name: textOf(attributes.get(ifla.interfaceName) ?? Buffer.alloc(0)),
        mac: [...(attributes.get(ifla.address) ?? [])]
          .map((byte) => byte.toString(16).padStart(2, '0'))
          .join(':'),
        alias: textOf(attributes.get(ifla.alias) ?? Buffer.alloc(0)),
        mtu: mtu === undefined ? 0 : readUint32(mtu, 0),
        master: master === undefined ? undefined : readUint32(master, 0),
      },
    ];
  });
}

/** Addresses of a reply to `dumpAddresses`. */
export function parseAddresses(reply: Buffer): AssignedAddress[] {
  return splitMessages(reply).flatMap(({ type, body }) => {
    if (type !== rtm.newAddress || body.length < addressHeaderSize) return [];
    const attributes = parseAttributes(body.subarray(addressHeaderSize));
    const bytes = attributes.get(ifa.local) ?? attributes.get(ifa.address);
    if (bytes === undefined) return [];
    return [{ index: readUint32(body, 4), prefixLength: body.readUInt8(1), address: formatAddress(bytes) }];
  });
}

/** Destinations of the routes in a reply to `dumpRoutes`, with the interface they leave by; default routes left out. */
export function parseRoutes(reply: Buffer): Array<Subnet & { outInterface: number | undefined }> {
  return splitMessages(reply).flatMap(({ type, body }) => {
    if (type !== rtm.newRoute || body.length < routeHeaderSize) return [];
    const attributes = parseAttributes(body.subarray(routeHeaderSize));
    const destination = attributes.get(rta.destination);
    if (destination === undefined) return [];
    const out = attributes.get(rta.outInterface);
    return [
      {
        base: Buffer.from(destination),
        prefixLength: body.readUInt8(1),
        outInterface: out === undefined ? undefined : readUint32(out, 0),
      },
    ];
  });
}
