/** Forgets tracked UDP flows that a change of the published ports made wrong, see <linux/netfilter/nfnetlink_conntrack.h>. */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { presentAddresses } from './endpoint-addresses.ts';
import { isUnspecified, parseAddress } from './ip-address.ts';
import { attribute, byteAttribute, message, nestedAttribute, uint32Attribute } from './netlink-message.ts';
import type { Endpoint } from './network-types.ts';
import { family } from './rtnetlink.ts';

/** NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE. */
const deleteFlows = 0x102;
const cta = { original: 1, reply: 2, filter: 25 } as const;
const tuple = { ip: 1, protocol: 2 } as const;
const tupleIp = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
const tupleProtocol = { number: 1, destinationPort: 3 } as const;
const filterFlags = { original: 1, reply: 2 } as const;
/** Which fields of a tuple a filter looks at (net/netfilter/nf_internals.h, Linux 5.8 and newer; older ones answer EINVAL). */
const looksAt = { source: 1, destination: 2, protocol: 8, destinationPort: 32 } as const;
const udp = 17;

/** `nfgenmsg`: family, version 0, no resource. */
function header(address: Buffer): Buffer {
  return Buffer.from([address.length === 4 ? family.inet : family.inet6, 0, 0, 0]);
}

function flags(original: number, reply: number): Buffer {
  return nestedAttribute(
    cta.filter,
    uint32Attribute(filterFlags.original, original),
    uint32Attribute(filterFlags.reply, reply),
  );
}

/** Forgets UDP flows to `address`:`port` of the host: they were tracked before the port was published and would never be redirected. */
export function forgetUdpTo(address: string, port: number): Buffer {
  const bytes = parseAddress(address);
  const big = Buffer.from([port >> 8, port & 0xff]);
  const type = bytes.length === 4 ? tupleIp.destination4 : tupleIp.destination6;
  return message(
    deleteFlows,
    0,
    header(bytes),
    nestedAttribute(
      cta.original,
      nestedAttribute(tuple.ip, attribute(type, bytes)),
      nestedAttribute(
        tuple.protocol,
        byteAttribute(tupleProtocol.number, udp),
        attribute(tupleProtocol.destinationPort, big),
      ),
    ),
    flags(looksAt.destination | looksAt.protocol | looksAt.destinationPort, 0),
  );
}

/** Forgets UDP flows that a container answers: they would go on to be redirected to an address that is nobody's, or another's. */
export function forgetUdpOf(address: string): Buffer {
  const bytes = parseAddress(address);
  const type = bytes.length === 4 ? tupleIp.source4 : tupleIp.source6;
  return message(
    deleteFlows,
    0,
    header(bytes),
    nestedAttribute(
      cta.reply,
      nestedAttribute(tuple.ip, attribute(type, bytes)),
      nestedAttribute(tuple.protocol, byteAttribute(tupleProtocol.number, udp)),
    ),
    flags(0, looksAt.source | looksAt.protocol),
  );
}

/** Messages that forget all flows, of any protocol, that an endpoint's addresses began or answered. */
export function forgetFlowsOf(endpoint: Pick<Endpoint, 'ipAddress' | 'ipv6Address'>): Buffer[] {
  return presentAddresses(endpoint).flatMap((address) => {
    const bytes = parseAddress(address);
    const type = bytes.length === 4 ? tupleIp.source4 : tupleIp.source6;
    const source = nestedAttribute(tuple.ip, attribute(type, bytes));
    return [
      message(deleteFlows, 0, header(bytes), nestedAttribute(cta.original, source), flags(looksAt.source, 0)),
      message(deleteFlows, 0, header(bytes), nestedAttribute(cta.reply, source), flags(0, looksAt.source)),
    ];
  });
}

/** Messages for all UDP ports that an endpoint publishes: of a wildcard, for each address of the host. */
export function flowsToPublished(endpoint: Endpoint): Buffer[] {
  return endpoint.ports
    .filter((port) => port.protocol === 'udp' && port.hostPort !== 0)
    .flatMap(({ hostIp, hostPort }) => {
      const addresses = isUnspecified(hostIp) ? hostAddresses(isIPv6(hostIp)) : [hostIp];
      return addresses.map((address) => forgetUdpTo(address, hostPort));
    });
}

/** Messages for an endpoint that is given back. */
export function flowsOf(endpoint: Endpoint): Buffer[] {
  if (!endpoint.ports.some((port) => port.protocol === 'udp')) return [];
  return presentAddresses(endpoint).map(forgetUdpOf);
}

function hostAddresses(ipv6: boolean): string[] {
  const family = ipv6 ? 'IPv6' : 'IPv4';
  return Object.values(networkInterfaces()).flatMap((entries = []) =>
    entries.filter((entry) => entry.family === family).map((entry) => entry.address),
  );
}
