/** `gantry context ls`. */
import { messageOf } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { hostOf } from '../../context-endpoint.ts';
import { descriptionOf, readContext } from '../../context-settings.ts';
import { ContextStore, defaultContext } from '../../context-store.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { naturalOrder } from '../../output/natural-order.ts';
import { GoRow } from '../../template/value.ts';

export const ls = defineCommand({
  usage: '[OPTIONS]',
  arguments: [0, 0],
  flags: {
    format: text(formatHelp),
    quiet: toggle('Only show context names', { short: 'q' }),
  },
  run: async (context, { flags }) => {
    const rows = contextRows(context).map(toGoRow);
    context.io.stdout.write(formatRows(flags.format, flags.quiet, layout, rows));
    const { overriding } = context.daemon;
    if (overriding !== undefined && !flags.quiet) {
      context.io.stderr.write(
        `Warning: ${overriding} environment variable overrides the active context. To use a context, either set the global --context flag, or unset ${overriding} environment variable.\n`,
      );
    }
    return 0;
  },
});

interface ContextRow {
  name: string;
  current: boolean;
  description: string;
  endpoint: string;
  error: string;
}

/** One that is in use and not there has a row that says so. */
function contextRows(context: Context): ContextRow[] {
  const current = context.daemon.contextName;
  const documents = [readContext(context, defaultContext), ...new ContextStore(context.configFolder).list()];
  const rows = documents.map((document) => ({
    name: document.Name,
    current: document.Name === current,
    description: descriptionOf(document),
    endpoint: hostOf(document),
    error: '',
  }));
  if (rows.some((row) => row.current)) return sorted(rows);
  const missing = { name: current, current: true, description: '', endpoint: '' };
  return sorted([...rows, { ...missing, error: absence(context, current) }]);
}

function absence(context: Context, name: string): string {
  try {
    readContext(context, name);
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

function sorted(rows: readonly ContextRow[]): ContextRow[] {
  return [...rows].sort((one, other) => naturalOrder(one.name, other.name));
}

const layout = {
  columns: '{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}',
  quiet: '{{.Name}}',
  headings: {
    Current: '',
    Description: 'DESCRIPTION',
    DockerEndpoint: 'DOCKER ENDPOINT',
    Error: 'ERROR',
    Name: 'NAME',
  },
};

const errorWidth = 45;

function toGoRow(row: ContextRow): GoRow {
  const short = row.error.length > errorWidth ? `${row.error.slice(0, errorWidth - 1)}…` : row.error;
  return new GoRow('clientContextContext', {
    Current: () => row.current,
    Description: () => row.description,
    DockerEndpoint: () => row.endpoint,
    Error: () => short,
    Name: () => row.name,
  });
}
