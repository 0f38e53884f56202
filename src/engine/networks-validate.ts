/** Checks of what is asked of a container's place on a network, in Docker's words. */
import { isIPv4, isIPv6 } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import { linkLocalFaults, parseEndpointOptions } from '../network/endpoint-options.ts';
import type { Bridge } from '../network/network-types.ts';
import type { EndpointConfig } from './model.ts';

/** `bridge` is undefined for a network that is not there yet: then only the form is checked. EngineError `invalid-argument`. */
export function validateEndpoint(name: string, config: EndpointConfig, bridge: Bridge | undefined): void {
  const faults = [...formFaults(config), ...(bridge === undefined ? [] : networkFaults(config, bridge))];
  const [first] = faults;
  if (first === undefined) return;
  throw new EngineError(
    'invalid-argument',
    `invalid config for network ${name}: invalid endpoint settings:\n${faults.join('\n')}`,
  );
}

function formFaults(config: EndpointConfig): string[] {
  const { ipv4Address, ipv6Address, macAddress, linkLocalIps = [], driverOpts } = config;
  const faults = [...linkLocalFaults(linkLocalIps), ...parseEndpointOptions(driverOpts).faults];
  if (ipv4Address !== undefined && !isIPv4(ipv4Address)) faults.push(`invalid IPv4 address: ${ipv4Address}`);
  if (ipv6Address !== undefined && !isIPv6(ipv6Address)) faults.push(`invalid IPv6 address: ${ipv6Address}`);
  if (macAddress !== undefined && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(macAddress))
    faults.push(`invalid MAC address: ${macAddress}`);
  return faults;
}

function networkFaults(config: EndpointConfig, { description, servesNames }: Bridge): string[] {
  const asksAddress = config.ipv4Address !== undefined || config.ipv6Address !== undefined;
  if (!servesNames) {
    return [
      ...(asksAddress ? ['user specified IP address is supported on user defined networks only'] : []),
      ...(config.aliases.length > 0
        ? ['network-scoped aliases are only supported for user-defined networks']
        : []),
    ];
  }
  if (!asksAddress || description.hasUserSubnet) return [];
  return [
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  ];
}
