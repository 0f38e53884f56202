/** `gantry network disconnect`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';
import { toggle } from '../../flags/kinds.ts';

export const disconnect = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  arguments: [2, 2],
  flags: { force: toggle('Force the container to disconnect from a network', { short: 'f' }) },
  run: async ({ client }, { flags, positional: [network = '', container = ''] }) => {
    const json = { Container: container, Force: flags.force };
    await client.call('POST', `/networks/${segment(network)}/disconnect`, { json });
    return 0;
  },
});
