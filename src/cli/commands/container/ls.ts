/** `gantry ps`, `gantry container ls`. */
import type { ContainerSummary } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { integer, text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { containerLayout, containerRow } from '../../rows/container-row.ts';
import { formatOr } from '../../user-defaults.ts';

const ignoredFormat = 'WARNING: Ignoring custom format, because both --format and --quiet are set.\n';

export const ls = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['ps', 'Containers that run'],
    ['ps -a --filter status=exited', 'Containers that have ended'],
    ["ps --format 'table {{.Names}}\\t{{.Ports}}'", 'Only names and ports'],
  ],
  arguments: [0, 0],
  flags: {
    all: toggle('Show all containers (default shows just running)', { short: 'a' }),
    filter: filterFlag('Filter output based on conditions provided', 'f'),
    format: text(formatHelp),
    last: integer('Show n last created containers (includes all states)', {
      short: 'n',
      initial: -1,
      shownDefault: '-1',
    }),
    latest: toggle('Show the latest created container (includes all states)', { short: 'l' }),
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only display container IDs', { short: 'q' }),
    size: toggle('Display total file sizes', { short: 's' }),
  },
  run: async (context, { flags }) => {
    const { client, io } = context;
    const format = formatOr(context, 'ps', flags);
    if (flags.quiet && format !== '') io.stderr.write(ignoredFormat);
    const limit = flags.latest ? 1 : flags.last;
    const query = {
      all: flags.all || limit > 0,
      limit: limit > 0 ? limit : undefined,
      size: flags.size || /\.Size\b|\bjson \.(?!\w)/.test(format),
      ...filtersQuery(flags.filter),
    };
    const containers = await client.call<ContainerSummary[]>('GET', '/containers/json', { query });
    const rows = containers.map((container) => containerRow(container, !flags['no-trunc']));
    io.stdout.write(formatRows(flags.quiet ? '' : format, flags.quiet, containerLayout(flags.size), rows));
    return 0;
  },
});
