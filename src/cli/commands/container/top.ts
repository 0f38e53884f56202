/** `gantry top`. */
import { segment } from '../../../client/query.ts';
import type { TopResponse } from '../../../wire/container.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { alignColumns } from '../../output/tabwriter.ts';

export const top = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  examples: [['top web -o pid,comm', 'With options of ps']],
  arguments: [1, anyNumber],
  interspersed: false,
  flags: {},
  run: async ({ client, io }, { positional }) => {
    const [name = '', ...options] = positional;
    const query = { ps_args: options.join(' ') };
    const { Titles, Processes } = await client.call<TopResponse>('GET', `/containers/${segment(name)}/top`, {
      query,
    });
    const lines = [Titles, ...Processes].map((cells) => `${cells.join('\t')}\n`);
    io.stdout.write(alignColumns(lines.join(''), { minWidth: 20, padding: 3 }));
    return 0;
  },
});
