/** `gantry checkpoint create`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';

export const create = defineCommand({
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  description: 'Needs CRIU on the host, and a runtime that was built with it, such as runc.',
  arguments: [2, 2],
  flags: {
    'checkpoint-dir': text('Use a custom checkpoint storage directory'),
    'leave-running': toggle('Leave the container running after checkpoint'),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const [container = '', checkpoint = ''] = positional;
    await client.call('POST', `/containers/${segment(container)}/checkpoints`, {
      json: {
        CheckpointID: checkpoint,
        CheckpointDir: flags['checkpoint-dir'],
        Exit: !flags['leave-running'],
      },
    });
    io.stdout.write(`${checkpoint}\n`);
    return 0;
  },
});
