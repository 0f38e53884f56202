/** `gantry checkpoint ls`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';

export const ls = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  arguments: [1, 1],
  flags: { 'checkpoint-dir': text('Use a custom checkpoint storage directory') },
  run: async ({ client, io }, { flags, positional }) => {
    const found = await client.call<Array<{ Name: string }>>(
      'GET',
      `/containers/${segment(positional[0] ?? '')}/checkpoints`,
      { query: { dir: flags['checkpoint-dir'] } },
    );
    io.stdout.write(`${['CHECKPOINT NAME', ...found.map((one) => one.Name)].join('\n')}\n`);
    return 0;
  },
});
