/** `gantry images`, `gantry image ls`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { ContainerSummary } from '../../../wire/container.ts';
import type { ImageSummary } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { type FilterMap, filterFlag, filtersQuery, withFilter } from '../../filters.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { imageLayout, imageRows } from '../../rows/image-row.ts';
import { formatOr } from '../../user-defaults.ts';

export const ls = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  examples: [
    ['images', 'All images'],
    ['images alpine', 'Of one repository'],
    ['images --filter dangling=true -q', 'IDs of images without a name'],
    ["images --filter reference='*/team/*:1.*'", 'By a pattern for names'],
    ['images --tree', 'Each image with all of its names'],
  ],
  arguments: [0, 1],
  flags: {
    all: toggle('Show all images (default hides intermediate images)', { short: 'a' }),
    digests: toggle('Show digests'),
    filter: filterFlag('Filter output based on conditions provided', 'f'),
    format: text(formatHelp),
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only show image IDs', { short: 'q' }),
    tree: toggle('Show each image with all of its names, its platforms, and whether a container uses it'),
  },
  run: async (context, { flags, positional }) => {
    const { client, io } = context;
    const reference = positional[0];
    const filters = reference === undefined ? flags.filter : withFilter(flags.filter, 'reference', reference);
    if (flags.tree) return showTree(context, flags, filters);
    const format = formatOr(context, 'images', flags);
    const query = { all: flags.all, ...filtersQuery(filters) };
    const images = await client.call<ImageSummary[]>('GET', '/images/json', { query });
    const digests = flags.digests || /\.Digest\b/.test(format);
    const rows = images.flatMap((image) => imageRows(image, { digests, truncate: !flags['no-trunc'] }));
    io.stdout.write(formatRows(format, flags.quiet, imageLayout(flags.digests), rows));
    return 0;
  },
});

async function showTree(
  { client, io }: Context,
  flags: { all: boolean; digests: boolean; format: string; quiet: boolean; 'no-trunc': boolean },
  filters: FilterMap,
): Promise<number> {
  for (const name of ['no-trunc', 'quiet', 'digests', 'format'] as const) {
    if (flags[name] === false || flags[name] === '') continue;
    throw new EngineError('invalid-argument', `conflicting options: --${name} and --tree`);
  }
  const query = { all: flags.all, manifests: true, ...filtersQuery(filters) };
  const [images, containers, { imageTree }, { styleFor }] = await Promise.all([
    client.call<ImageSummary[]>('GET', '/images/json', { query }),
    client.call<ContainerSummary[]>('GET', '/containers/json', { query: { all: true } }),
    import('../../output/image-tree.ts'),
    import('../../help/style.ts'),
  ]);
  const used = new Set(containers.map(({ ImageID }) => ImageID));
  io.stdout.write(imageTree(images, used, styleFor(io.stdout, io.env)));
  return 0;
}
