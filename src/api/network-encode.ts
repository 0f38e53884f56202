/** Networks as Docker shows them. */
import type { NetworkDetails } from '../engine/networks.ts';
import type { IpamPool, Network, NetworkContainer } from '../wire/network.ts';
import { rfc3339 } from './timestamps.ts';

export function encodeNetwork(network: NetworkDetails): Network {
  return {
    Name: network.name,
    Id: network.id,
    Created: rfc3339(network.createdAt),
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.enableIpv6,
    IPAM: { Driver: 'default', Options: null, Config: encodePools(network) },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: encodeContainers(network),
    Options: { ...network.options },
    Labels: network.labels,
  };
}

function encodePools({ ipam }: NetworkDetails): IpamPool[] | null {
  if (ipam === undefined) return null;
  const pools: IpamPool[] = [{ Subnet: ipam.subnet, Gateway: ipam.gateway }];
  if (ipam.subnet6 !== undefined) {
    pools.push({ Subnet: ipam.subnet6, ...(ipam.gateway6 === undefined ? {} : { Gateway: ipam.gateway6 }) });
  }
  return pools;
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
