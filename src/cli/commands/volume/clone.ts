/** `gantry volume clone`. */
import { segment } from '../../../client/query.ts';
import type { Volume } from '../../../wire/volume.ts';
import { defineCommand } from '../../command.ts';

export const clone = defineCommand({
  usage: 'VOLUME NEW_VOLUME',
  examples: [['volume clone data data-test', 'A copy to try something with']],
  description: 'What is written meanwhile may be in it or not: stop what writes, for a copy of one moment.',
  arguments: [2, 2],
  flags: {},
  run: async ({ client, io }, { positional: [name = '', to = ''] }) => {
    const path = `/gantry/volumes/${segment(name)}/clone`;
    const { Name } = await client.call<Volume>('POST', path, { query: { to } });
    io.stdout.write(`${Name}\n`);
    return 0;
  },
});
