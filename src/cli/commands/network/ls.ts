/** `gantry network ls`. */
import type { Network } from '../../../wire/network.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows, joinLabels, labelMethod } from '../../output/format-rows.ts';
import { localTime, shortId } from '../../output/human.ts';
import { naturalOrder } from '../../output/natural-order.ts';
import { GoRow } from '../../template/value.ts';
import { formatOr } from '../../user-defaults.ts';

export const ls = defineCommand({
  usage: '[OPTIONS]',
  arguments: [0, 0],
  flags: {
    filter: filterFlag('Provide filter values (e.g. "driver=bridge")', 'f'),
    format: text(formatHelp),
    'no-trunc': toggle('Do not truncate the output'),
    quiet: toggle('Only display network IDs', { short: 'q' }),
  },
  run: async (context, { flags }) => {
    const { client, io } = context;
    const networks = await client.call<Network[]>('GET', '/networks', { query: filtersQuery(flags.filter) });
    const rows = [...networks]
      .sort((left, right) => naturalOrder(left.Name, right.Name))
      .map((network) => networkRow(network, !flags['no-trunc']));
    io.stdout.write(formatRows(formatOr(context, 'networks', flags), flags.quiet, networkLayout, rows));
    return 0;
  },
});

const networkLayout = {
  columns: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
  quiet: '{{.ID}}',
  headings: {
    ID: 'NETWORK ID',
    Name: 'NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    IPv4: 'IPV4',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Labels: 'LABELS',
    CreatedAt: 'CREATED AT',
  },
};

function networkRow(network: Network, truncate: boolean): GoRow {
  return new GoRow('network', {
    ID: () => (truncate ? shortId(network.Id) : network.Id),
    Name: () => network.Name,
    Driver: () => network.Driver,
    Scope: () => network.Scope,
    IPv4: () => String(network.EnableIPv4),
    IPv6: () => String(network.EnableIPv6),
    Internal: () => String(network.Internal),
    Labels: () => joinLabels(network.Labels),
    Label: labelMethod(network.Labels),
    CreatedAt: () => localTime(Math.floor(Date.parse(network.Created) / 1000), fractionOf(network.Created)),
  });
}

/** `.313` of `2025-05-01T12:00:00.313000Z`. */
function fractionOf(time: string): string {
  return /\.\d*[1-9]/.exec(time)?.[0] ?? '';
}
