/** `gantry save`. */
import { anyNumber, defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';
import { platformQuery } from '../../platform-query.ts';
import { writeArchive } from '../../write-archive.ts';

export const save = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  examples: [['save -o images.tar alpine busybox', 'Two images in one archive, for gantry load']],
  arguments: [1, anyNumber],
  flags: {
    output: text('Write to a file, instead of STDOUT', { short: 'o' }),
    platform: text('Save only the given platform variant, as in linux/arm64'),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const query = { names: positional, platform: platformQuery(flags.platform) };
    await writeArchive(io, flags.output, 'failed to save image', () =>
      client.open('GET', '/images/get', { query }),
    );
    return 0;
  },
});
