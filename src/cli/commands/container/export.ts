/** `gantry export`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';
import { writeArchive } from '../../write-archive.ts';

export const exportContainer = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  examples: [['export -o web.tar web', 'Its files as a tar, without the contents of volumes']],
  arguments: [1, 1],
  flags: { output: text('Write to a file, instead of STDOUT', { short: 'o' }) },
  run: async ({ client, io }, { flags, positional }) => {
    const [name = ''] = positional;
    const path = `/containers/${segment(name)}/export`;
    await writeArchive(io, flags.output, 'failed to export container', () => client.open('GET', path));
    return 0;
  },
});
