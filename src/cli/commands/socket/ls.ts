/** `gantry socket ls`. */
import type { ScopedSocket } from '../../../wire/scoped-socket.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { GoRow } from '../../template/value.ts';

export const ls = defineCommand({
  usage: '[OPTIONS]',
  arguments: [0, 0],
  flags: {
    format: text(formatHelp),
    quiet: toggle('Only display names', { short: 'q' }),
  },
  run: async ({ client, io }, { flags }) => {
    const sockets = await client.call<ScopedSocket[]>('GET', '/gantry/sockets');
    io.stdout.write(formatRows(flags.format, flags.quiet, layout, sockets.map(toRow)));
    return 0;
  },
});

const layout = {
  columns: '{{.Name}}\t{{.Allow}}\t{{.Labels}}\t{{.Status}}\t{{.Path}}',
  quiet: '{{.Name}}',
  headings: {
    Allow: 'ALLOW',
    Connections: 'CONNECTIONS',
    Created: 'CREATED AT',
    Group: 'GROUP',
    Labels: 'LABELS',
    Mode: 'MODE',
    Name: 'NAME',
    Path: 'PATH',
    Status: 'STATUS',
  },
};

function toRow(socket: ScopedSocket): GoRow {
  return new GoRow('socket', {
    Allow: () => `${socket.Allow.join(',')}${socket.AllowHost ? ',allow-host' : ''}`,
    Connections: () => socket.Connections,
    Created: () => socket.Created,
    Group: () => socket.Group || 'root',
    Labels: () => socket.Labels.join(','),
    Mode: () => socket.Mode,
    Name: () => socket.Name,
    Path: () => socket.Path,
    Status: () => (socket.Listening ? 'listening' : `failed: ${socket.Error}`),
  });
}
