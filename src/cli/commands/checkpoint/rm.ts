/** `gantry checkpoint rm`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';

export const rm = defineCommand({
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  arguments: [2, 2],
  flags: { 'checkpoint-dir': text('Use a custom checkpoint storage directory') },
  run: async ({ client }, { flags, positional }) => {
    const [container = '', checkpoint = ''] = positional;
    await client.call('DELETE', `/containers/${segment(container)}/checkpoints/${segment(checkpoint)}`, {
      query: { dir: flags['checkpoint-dir'] },
    });
    return 0;
  },
});
