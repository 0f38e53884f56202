/** `gantry volume export`. */
import { segment } from '../../../client/query.ts';
import { defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';
import { writeArchive } from '../../write-archive.ts';

export const exportVolume = defineCommand({
  usage: '[OPTIONS] VOLUME',
  description: 'A tar archive of all files, with owners, extended attributes and hard links.',
  examples: [['volume export -o data.tar data', 'Then, elsewhere: gantry volume import -i data.tar data']],
  arguments: [1, 1],
  flags: { output: text('Write to a file, instead of STDOUT', { short: 'o' }) },
  run: async ({ client, io }, { flags, positional: [name = ''] }) => {
    await writeArchive(io, flags.output, 'failed to export volume', () =>
      client.open('GET', `/gantry/volumes/${segment(name)}/export`),
    );
    return 0;
  },
});
