/** The addresses of an endpoint, as lists. Pure. */
import type { Endpoint } from './network-types.ts';

type Addressed = Pick<Endpoint, 'ipAddress' | 'ipv6Address' | 'prefixLength' | 'ipv6PrefixLength'>;

/** Those that it has, IPv4 first. */
export function presentAddresses({
  ipAddress,
  ipv6Address,
}: Pick<Addressed, 'ipAddress' | 'ipv6Address'>): string[] {
  return [ipAddress, ipv6Address ?? ''].filter((address) => address !== '');
}

/** With the lengths of their prefixes: of IPv4 where it has that, else of IPv6. */
export function mainAddress(endpoint: Addressed): string {
  const { ipAddress, prefixLength, ipv6Address = '', ipv6PrefixLength = 64 } = endpoint;
  return ipAddress === '' ? `${ipv6Address}/${ipv6PrefixLength}` : `${ipAddress}/${prefixLength}`;
}
