/** `gantry network connect`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { integer, list, text } from '../../flags/kinds.ts';
import { toRecord } from '../../run-config/csv.ts';
import { checkLink } from '../../run-config/flag-checks.ts';

export const connect = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  description: 'A container that runs gets another interface at once; one that does not, when it starts.',
  examples: [['network connect --alias db backend postgres', 'others on "backend" find it as "db", too']],
  arguments: [2, 2],
  flags: {
    alias: list('Add network-scoped alias for the container', { type: 'strings' }),
    'driver-opt': list('driver options for the network', { type: 'strings' }),
    'gw-priority': integer(
      'Highest gw-priority provides the default gateway. Accepts positive and negative values.',
    ),
    ip: text('IPv4 address (e.g., "172.30.100.104")'),
    ip6: text('IPv6 address (e.g., "2001:db8::33")'),
    link: list('Add link to another container', { check: checkLink }),
    'link-local-ip': list('Add a link-local address for the container', { type: 'strings' }),
    'mac-address': text('MAC address (e.g., "92:d0:c6:0a:29:33")'),
  },
  run: async ({ client }, { flags, positional: [network = '', container = ''] }) => {
    const options = flags['driver-opt'].flatMap((value) => value.split(','));
    if (options.some((option) => !option.includes('=')))
      throw new EngineError('invalid-argument', 'invalid key/value pair format in driver options');
    const ipam = {
      ...(flags.ip === '' ? {} : { IPv4Address: flags.ip }),
      ...(flags.ip6 === '' ? {} : { IPv6Address: flags.ip6 }),
      ...(flags['link-local-ip'].length === 0 ? {} : { LinkLocalIPs: flags['link-local-ip'] }),
    };
    const json = {
      Container: container,
      EndpointConfig: {
        IPAMConfig: ipam,
        Links: flags.link,
        Aliases: flags.alias.flatMap((value) => value.split(',')),
        MacAddress: flags['mac-address'],
        DriverOpts: toRecord(options),
        GwPriority: flags['gw-priority'],
      },
    };
    await client.call('POST', `/networks/${segment(network)}/connect`, { json });
    return 0;
  },
});
