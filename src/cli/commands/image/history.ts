/** `gantry history`. */
import { segment } from '../../../client/query.ts';
import type { ImageHistoryRow } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows, type RowFormat } from '../../output/format-rows.ts';
import { ago, ellipsis, humanSize, localRfc3339, shortId } from '../../output/human.ts';
import { platformQuery } from '../../platform-query.ts';
import { GoRow } from '../../template/value.ts';

export const history = defineCommand({
  usage: '[OPTIONS] IMAGE',
  examples: [['history alpine', 'How its layers came to be, the newest first']],
  arguments: [1, 1],
  flags: {
    format: text(formatHelp),
    human: toggle('Print sizes and dates in human readable format', { short: 'H', initial: true }),
    'no-trunc': toggle("Don't truncate output"),
    platform: text('Show history for the given platform, as in linux/arm64'),
    quiet: toggle('Only show image IDs', { short: 'q' }),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const path = `/images/${segment(positional[0] ?? '')}/history`;
    const layers = await client.call<ImageHistoryRow[]>('GET', path, {
      query: { platform: platformQuery(flags.platform) },
    });
    const rows = layers.map((layer) => historyRow(layer, !flags['no-trunc'], flags.human));
    io.stdout.write(formatRows(flags.format, flags.quiet, layoutOf(flags.human), rows));
    return 0;
  },
});

function layoutOf(human: boolean): RowFormat {
  const created = human ? '{{if .CreatedSince}}{{.CreatedSince}}{{else}}N/A{{end}}' : '{{.CreatedAt}}';
  return {
    columns: `{{.ID}}\t${created}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
    quiet: '{{.ID}}',
    headings: {
      ID: 'IMAGE',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      CreatedBy: 'CREATED BY',
      Size: 'SIZE',
      Comment: 'COMMENT',
    },
  };
}

function historyRow(layer: ImageHistoryRow, truncate: boolean, human: boolean): GoRow {
  const createdBy = layer.CreatedBy.replaceAll('\t', ' ');
  return new GoRow('history', {
    ID: () => (truncate ? shortId(layer.Id) : layer.Id),
    CreatedSince: () => (layer.Created <= 0 ? '' : human ? ago(layer.Created) : localRfc3339(layer.Created)),
    CreatedAt: () => localRfc3339(layer.Created),
    CreatedBy: () => (truncate ? ellipsis(createdBy, 45) : createdBy),
    Size: () => (human ? humanSize(layer.Size, 3) : String(layer.Size)),
    Comment: () => layer.Comment,
  });
}
