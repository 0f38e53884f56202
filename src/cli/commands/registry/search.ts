/** `gantry search`. */
import type { ImageSearchRow } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import { registryAuthHeader } from '../../credentials/registry-auth.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { integer, text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows, type RowFormat } from '../../output/format-rows.ts';
import { ellipsis } from '../../output/human.ts';
import { GoRow } from '../../template/value.ts';

export const search = defineCommand({
  usage: '[OPTIONS] TERM',
  examples: [
    ['search --filter is-official=true alpine', 'Official images of that name on Docker Hub'],
    ['search registry.example.com:5000/app', 'In another registry, where it can be searched'],
  ],
  arguments: [1, 1],
  flags: {
    filter: filterFlag('Filter output based on conditions provided', 'f'),
    format: text(formatHelp),
    limit: integer('Max number of search results'),
    'no-trunc': toggle("Don't truncate output"),
  },
  run: async (context, { flags, positional }) => {
    const [term = ''] = positional;
    const query = {
      term,
      limit: flags.limit > 0 ? flags.limit : undefined,
      ...filtersQuery(flags.filter),
    };
    const headers = registryAuthHeader(context, searchedRegistry(term));
    const found = await context.client.call<ImageSearchRow[] | null>('GET', '/images/search', {
      query,
      headers,
    });
    const isJson = /^json$|\bjson \./.test(flags.format);
    const rows = (found ?? []).map((row) => searchRow(row, !flags['no-trunc'], isJson));
    context.io.stdout.write(formatRows(flags.format, false, layout, rows));
    return 0;
  },
});

const layout: RowFormat = {
  columns: '{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}',
  headings: { Name: 'NAME', Description: 'DESCRIPTION', StarCount: 'STARS', IsOfficial: 'OFFICIAL' },
};

function searchRow(row: ImageSearchRow, truncate: boolean, isJson: boolean): GoRow {
  const description = row.description.replaceAll('\n', ' ').replaceAll('\r', ' ');
  return new GoRow('search', {
    Name: () => row.name,
    Description: () => (truncate ? ellipsis(description, 45) : description),
    StarCount: () => String(row.star_count),
    IsOfficial: () => (isJson ? String(row.is_official) : row.is_official ? '[OK]' : ''),
  });
}

/** The registry that a term names, in the form of an image's complete name. */
function searchedRegistry(term: string): string {
  const first = term.slice(0, Math.max(0, term.indexOf('/')));
  const isRegistry = /[.:]/.test(first) || first === 'localhost';
  return isRegistry ? `${first}/` : 'docker.io/';
}
