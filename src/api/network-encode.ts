/** Networks as Docker shows them. */
import type { NetworkDetails } from '../engine/networks.ts';
import type { IpamPool, Network, NetworkContainer } from '../wire/network.ts';
import { rfc3339 } from './timestamps.ts';

export function encodeNetwork(network: NetworkDetails): Network {
  const pools = network.ipam.pools.map(encodePool);
  return {
    Name: network.name,
    Id: network.id,
    Created: rfc3339(network.createdAt),
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.enableIpv4 ?? true,
    EnableIPv6: network.enableIpv6,
    IPAM: { Driver: 'default', Options: network.ipam.options, Config: pools.length === 0 ? null : pools },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? '' },
    ConfigOnly: network.configOnly ?? false,
    Containers: encodeContainers(network),
    Options: { ...network.options },
    Labels: { ...network.labels },
  };
}

function encodePool({
  subnet,
  range,
  gateway,
  auxiliary,
}: NetworkDetails['ipam']['pools'][number]): IpamPool {
  return {
    Subnet: subnet,
    ...(range === undefined ? {} : { IPRange: range }),
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(auxiliary === undefined ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

function encodeContainers(network: NetworkDetails): Record<string, NetworkContainer> {
  const entries = Object.entries(network.containers).map(([id, member]) => [
    id,
    {
      Name: member.name,
      EndpointID: member.endpointId,
      MacAddress: member.macAddress,
      IPv4Address: member.ipv4Address,
      IPv6Address: member.ipv6Address,
    },
  ]);
  return Object.fromEntries(entries);
}
