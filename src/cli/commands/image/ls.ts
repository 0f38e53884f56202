/** `gantry images`, `gantry image ls`. */
import type { ImageSummary } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag, filtersQuery, withFilter } from '../../filters.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { imageLayout, imageRows } from '../../rows/image-row.ts';

export const ls = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  examples: [
    ['images', 'All images'],
    ['images alpine', 'Of one repository'],
    ['images --filter dangling=true -q', 'IDs of images without a name'],
  ],
  arguments: [0, 1],
  flags: {
    all: toggle('Show all images (default hides intermediate images)', { short: 'a' }),
    digests: toggle('Show digests'),
    filter: filterFlag('Filter output based on conditions provided', 'f'),
    format: text(formatHelp),
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only show image IDs', { short: 'q' }),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const reference = positional[0];
    const filters = reference === undefined ? flags.filter : withFilter(flags.filter, 'reference', reference);
    const query = { all: flags.all, ...filtersQuery(filters) };
    const images = await client.call<ImageSummary[]>('GET', '/images/json', { query });
    const digests = flags.digests || /\.Digest\b/.test(flags.format);
    const rows = images.flatMap((image) => imageRows(image, { digests, truncate: !flags['no-trunc'] }));
    io.stdout.write(formatRows(flags.format, flags.quiet, imageLayout(flags.digests), rows));
    return 0;
  },
});
