/** `gantry volume ls`. */
import type { Volume, VolumeListResponse } from '../../../wire/volume.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows, joinLabels, labelMethod } from '../../output/format-rows.ts';
import { humanSize } from '../../output/human.ts';
import { naturalOrder } from '../../output/natural-order.ts';
import { GoRow } from '../../template/value.ts';
import { formatOr } from '../../user-defaults.ts';

export const ls = defineCommand({
  usage: '[OPTIONS]',
  examples: [['volume ls -f dangling=true', 'Volumes that no container uses']],
  arguments: [0, 0],
  flags: {
    filter: filterFlag('Provide filter values (e.g. "dangling=true")', 'f'),
    format: text(formatHelp),
    quiet: toggle('Only display volume names', { short: 'q' }),
  },
  run: async (context, { flags }) => {
    const { client, io } = context;
    const { Volumes } = await client.call<VolumeListResponse>('GET', '/volumes', {
      query: filtersQuery(flags.filter),
    });
    const rows = [...(Volumes ?? [])]
      .sort((left, right) => naturalOrder(left.Name, right.Name))
      .map(volumeRow);
    io.stdout.write(formatRows(formatOr(context, 'volumes', flags), flags.quiet, volumeLayout, rows));
    return 0;
  },
});

const volumeLayout = {
  columns: '{{.Driver}}\t{{.Name}}',
  quiet: '{{.Name}}',
  headings: {
    Availability: 'AVAILABILITY',
    Driver: 'DRIVER',
    Group: 'GROUP',
    Labels: 'LABELS',
    Links: 'LINKS',
    Mountpoint: 'MOUNTPOINT',
    Name: 'VOLUME NAME',
    Scope: 'SCOPE',
    Size: 'SIZE',
    Status: 'STATUS',
  },
};

function volumeRow(volume: Volume): GoRow {
  const usage = volume.UsageData;
  return new GoRow('volume', {
    Availability: () => 'N/A',
    Driver: () => volume.Driver,
    Group: () => 'N/A',
    Labels: () => joinLabels(volume.Labels),
    Label: labelMethod(volume.Labels),
    Links: () => (usage === undefined ? 'N/A' : String(usage.RefCount)),
    Mountpoint: () => volume.Mountpoint,
    Name: () => volume.Name,
    Scope: () => volume.Scope,
    Size: () => (usage === undefined ? 'N/A' : humanSize(usage.Size)),
    Status: () => 'N/A',
  });
}
