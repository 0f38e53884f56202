/** `EndpointConfig`: what is asked of a container's place on a network. */
import type { EndpointConfig } from '../engine/model.ts';
import type { Fields } from './fields.ts';

export function decodeEndpoint(fields: Fields): EndpointConfig {
  const ipam = fields.object('IPAMConfig');
  const ipv4Address = ipam.string('IPv4Address');
  const ipv6Address = ipam.string('IPv6Address');
  const macAddress = fields.string('MacAddress');
  const gatewayPriority = fields.integer('GwPriority');
  const linkLocalIps = ipam.strings('LinkLocalIPs');
  return {
    aliases: fields.strings('Aliases'),
    links: fields.strings('Links'),
    driverOpts: fields.stringMap('DriverOpts'),
    ...(ipv4Address === '' ? {} : { ipv4Address }),
    ...(ipv6Address === '' ? {} : { ipv6Address }),
    ...(macAddress === '' ? {} : { macAddress }),
    ...(linkLocalIps.length === 0 ? {} : { linkLocalIps }),
    ...(gatewayPriority === 0 ? {} : { gatewayPriority }),
  };
}
