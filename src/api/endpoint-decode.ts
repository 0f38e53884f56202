/** `EndpointConfig`: what is asked of a container's place on a network. */
import type { EndpointConfig } from '../engine/model.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Fields } from './fields.ts';

export function decodeEndpoint(fields: Fields): EndpointConfig {
  const ipam = fields.object('IPAMConfig');
  const ipv4Address = ipam.string('IPv4Address');
  const ipv6Address = ipam.string('IPv6Address');
  const macAddress = fields.string('MacAddress');
  const gatewayPriority = fields.integer('GwPriority');
  if (ipam.strings('LinkLocalIPs').length > 0) {
    throw new EngineError('not-implemented', 'link-local addresses: not implemented by Gantry', {
      hint: 'leave out --link-local-ip',
    });
  }
  return {
    aliases: fields.strings('Aliases'),
    links: fields.strings('Links'),
    driverOpts: fields.stringMap('DriverOpts'),
    ...(ipv4Address === '' ? {} : { ipv4Address }),
    ...(ipv6Address === '' ? {} : { ipv6Address }),
    ...(macAddress === '' ? {} : { macAddress }),
    ...(gatewayPriority === 0 ? {} : { gatewayPriority }),
  };
}
