/** The driver options of a container's place on a network (`com.docker.network.endpoint.…`) and its link-local addresses, read and checked. Pure. */
import { isIP } from 'node:net';
import { parseAddress } from './ip-address.ts';

export const endpointOption = {
  interfaceName: 'com.docker.network.endpoint.ifname',
  sysctls: 'com.docker.network.endpoint.sysctls',
} as const;

export interface EndpointOptions {
  /** The interface's name in the container. */
  interfaceName?: string;
  /** Of that interface: path below /proc/sys/net with `IFNAME` for its name, to value. */
  sysctls: Record<string, string>;
  /** What is wrong with the rest, in words for the user. */
  faults: string[];
}

/** IFNAMSIZ, and what the kernel takes as a name (dev_valid_name). `%` stands for a number there. */
const interfaceName = /^[^\s/:%]{1,15}$/;

export function parseEndpointOptions(options: Readonly<Record<string, string>>): EndpointOptions {
  const name = options[endpointOption.interfaceName] ?? '';
  const { sysctls, faults } = parseSysctls(options[endpointOption.sysctls] ?? '');
  if (name === '') return { sysctls, faults };
  if (interfaceName.test(name) && name !== '.' && name !== '..' && name !== 'lo')
    return { interfaceName: name, sysctls, faults };
  return {
    sysctls,
    faults: [
      ...faults,
      `invalid ${endpointOption.interfaceName}: ${JSON.stringify(name)} can't be an interface's name`,
    ],
  };
}

/** `net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2`. Docker's command line writes `ifname` in small letters. */
function parseSysctls(text: string): Pick<EndpointOptions, 'sysctls' | 'faults'> {
  const sysctls: Record<string, string> = {};
  const faults: string[] = [];
  for (const entry of text.split(',').map((one) => one.trim())) {
    if (entry === '') continue;
    const [, family, group, key, value] =
      /^net\.(ipv4|ipv6|mpls)\.([a-z0-9_]+)\.ifname\.([a-z0-9_]+)=(.+)$/i.exec(entry) ?? [];
    const isMplsInput = /^net\.mpls\.conf\.ifname\.input=/i.test(entry);
    if (family === undefined || (family.toLowerCase() === 'mpls' && !isMplsInput))
      faults.push(
        `invalid ${endpointOption.sysctls}: ${JSON.stringify(entry)}: it must be like net.ipv4.conf.IFNAME.forwarding=1`,
      );
    else
      sysctls[`${family}/${group}/IFNAME/${key}`.replace(/^[^/]+/, (word) => word.toLowerCase())] =
        value ?? '';
  }
  return { sysctls, faults };
}

/** Faults of link-local addresses: 169.254.0.0/16 and fe80::/10. */
export function linkLocalFaults(addresses: readonly string[]): string[] {
  return addresses
    .filter((address) => !isLinkLocal(address))
    .map((address) => `invalid link-local IP address: ${address}`);
}

function isLinkLocal(address: string): boolean {
  if (isIP(address) === 0) return false;
  const bytes = parseAddress(address);
  const [first = 0, second = 0] = bytes;
  return bytes.length === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80;
}
