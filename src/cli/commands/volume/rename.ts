/** `gantry volume rename`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';

export const rename = defineCommand({
  usage: 'VOLUME NEW_NAME',
  examples: [['volume rename data data-2025', 'The same files under another name']],
  description: 'A volume that a container uses keeps its name.',
  arguments: [2, 2],
  flags: {},
  run: async ({ client }, { positional: [name = '', to = ''] }) => {
    await client.call('POST', `/gantry/volumes/${segment(name)}/rename`, { query: { to } });
    return 0;
  },
});
