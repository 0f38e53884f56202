/** The networks of a container that is to be created. */
import { EngineError } from '../../errors/engine-error.ts';
import type { EndpointSettings } from '../../wire/endpoint.ts';
import type { ContainerFlags } from './container-flags.ts';
import { type NetworkRequest, networkRequest } from './network-flag.ts';

export interface Networking {
  mode: string;
  endpoints: Record<string, EndpointSettings>;
}

function fail(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

/** The mode is the first network; `--ip`, `--link` and their like go to it. EngineError `invalid-argument` for conflicts. */
export function parseNetworking(flags: ContainerFlags): Networking {
  const given = [...flags.network, ...flags.net];
  const requests = given.length === 0 ? [networkRequest('default')] : given;
  const userDefined = requests.filter(({ target }) => isUserDefined(target)).length;
  const endpoints: Record<string, EndpointSettings> = {};
  for (const [index, request] of requests.entries()) {
    const full = index === 0 ? withContainerFlags(request, flags) : request;
    if (full.target.trim() === '') throw fail('no name set for network');
    if (endpoints[full.target] !== undefined)
      throw fail(`network "${full.target}" is specified multiple times`);
    endpoints[full.target] = endpointOf(full, index === 0 && isUserDefined(full.target) ? flags.link : []);
  }
  if (userDefined > 0 && userDefined < requests.length) {
    throw fail('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  }
  const mode = requests[0]?.target ?? 'default';
  return { mode, endpoints: isBareMode(mode, endpoints) ? {} : endpoints };
}

function isUserDefined(mode: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(mode) && !mode.startsWith('container:');
}

/** A mode such as `host` has no endpoint unless something was asked of it. */
function isBareMode(mode: string, endpoints: Record<string, EndpointSettings>): boolean {
  const endpoint = endpoints[mode];
  if (isUserDefined(mode) || mode === 'default' || endpoint === undefined) return false;
  return endpoint.IPAMConfig === null && endpoint.MacAddress === '' && endpoint.Aliases === null;
}

function withContainerFlags(request: NetworkRequest, flags: ContainerFlags): NetworkRequest {
  const aliases = [...flags['network-alias'], ...flags['net-alias']];
  const conflicts: Array<[boolean, string]> = [
    [aliases.length > 0 && request.aliases.length > 0, '--network-alias and per-network alias'],
    [flags.ip !== '' && request.ipv4 !== '', '--ip and per-network IPv4 address'],
    [flags.ip6 !== '' && request.ipv6 !== '', '--ip6 and per-network IPv6 address'],
    [flags['mac-address'] !== '' && request.macAddress !== '', '--mac-address and per-network MAC address'],
    [
      flags['link-local-ip'].length > 0 && request.linkLocal.length > 0,
      '--link-local-ip and per-network link-local IP addresses',
    ],
  ];
  for (const [conflict, names] of conflicts) {
    if (conflict) throw fail(`conflicting options: cannot specify both ${names}`);
  }
  return {
    ...request,
    aliases: request.aliases.length > 0 ? request.aliases : aliases,
    ipv4: request.ipv4 || flags.ip,
    ipv6: request.ipv6 || flags.ip6,
    macAddress: request.macAddress || flags['mac-address'],
    linkLocal: request.linkLocal.length > 0 ? request.linkLocal : [...flags['link-local-ip']],
  };
}

function endpointOf(request: NetworkRequest, links: readonly string[]): EndpointSettings {
  if (
    request.macAddress !== '' &&
    !/^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(request.macAddress.trim())
  ) {
    throw fail(`${request.macAddress} is not a valid mac address`);
  }
  const ipam = {
    ...(request.ipv4 === '' ? {} : { IPv4Address: request.ipv4 }),
    ...(request.ipv6 === '' ? {} : { IPv6Address: request.ipv6 }),
    ...(request.linkLocal.length === 0 ? {} : { LinkLocalIPs: request.linkLocal }),
  };
  return {
    IPAMConfig: Object.keys(ipam).length === 0 ? null : ipam,
    Links: links.length === 0 ? null : [...links],
    Aliases: request.aliases.length === 0 ? null : request.aliases,
    MacAddress: request.macAddress.trim(),
    DriverOpts: Object.keys(request.driverOptions).length === 0 ? null : request.driverOptions,
    GwPriority: request.gatewayPriority,
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}
