/** The body of `POST /networks/create`. */
import type { CreateNetworkRequest } from '../engine/networks-change.ts';
import type { Fields } from './fields.ts';

export function decodeNetworkRequest(fields: Fields): CreateNetworkRequest {
  const ipam = fields.object('IPAM');
  const configFrom = fields.object('ConfigFrom').string('Network');
  return {
    name: fields.string('Name'),
    driver: fields.string('Driver'),
    scope: fields.string('Scope'),
    internal: fields.boolean('Internal'),
    attachable: fields.boolean('Attachable'),
    ingress: fields.boolean('Ingress'),
    configOnly: fields.boolean('ConfigOnly'),
    ...(configFrom === '' ? {} : { configFrom }),
    enableIpv4: fields.optionalBoolean('EnableIPv4'),
    enableIpv6: fields.optionalBoolean('EnableIPv6'),
    ipamDriver: ipam.string('Driver'),
    ipam: {
      options: ipam.optionalStringMap('Options') ?? null,
      pools: ipam.objects('Config').map(decodePool),
    },
    options: fields.stringMap('Options'),
    labels: fields.stringMap('Labels'),
  };
}

function decodePool(fields: Fields): CreateNetworkRequest['ipam']['pools'][number] {
  const [subnet, range, gateway] = ['Subnet', 'IPRange', 'Gateway'].map((name) => fields.string(name));
  const auxiliary = fields.stringMap('AuxiliaryAddresses');
  return {
    ...(subnet === undefined || subnet === '' ? {} : { subnet }),
    ...(range === undefined || range === '' ? {} : { range }),
    ...(gateway === undefined || gateway === '' ? {} : { gateway }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { auxiliary }),
  };
}
