/** `gantry socket create`. */
import type { ScopedSocket, ScopedSocketRequest } from '../../../wire/scoped-socket.ts';
import { defineCommand } from '../../command.ts';
import { list, text, toggle } from '../../flags/kinds.ts';

export const create = defineCommand({
  usage: '[OPTIONS] --allow PERMISSION[,PERMISSION...] NAME',
  description:
    'A further UNIX socket of the daemon, for a tool that one does not trust with root: it can do what --allow names and nothing else. ' +
    'Permissions are NOUN:VERB: containers:read, logs, write, exec or copy; images, networks, volumes, system and build: read or write; events; all. A noun alone means all of its verbs.',
  examples: [
    [
      'socket create --allow containers:read,events,networks:read traefik',
      'For a proxy that watches containers',
    ],
    [
      'socket create --allow containers:read,containers:logs --label app=web web',
      'Containers of one application',
    ],
  ],
  arguments: [1, 1],
  flags: {
    allow: list('What the socket can do (e.g. "containers:read,events")'),
    'allow-host': toggle(
      "Let containers made through it have the host's privileges, files, devices and namespaces",
    ),
    group: text('Group that may use it (name or number)', { shownDefault: '"root"' }),
    label: list('Show only containers with this label (e.g. "app=web")'),
    mode: text('Who may connect, as in chmod', { initial: '0660' }),
    path: text('Path of the socket', { shownDefault: '"/run/gantry/sockets/NAME/docker.sock"' }),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const json: ScopedSocketRequest = {
      Name: positional[0] ?? '',
      Allow: flags.allow.flatMap((one) => one.split(',')).map((one) => one.trim()),
      Labels: [...flags.label],
      Path: flags.path,
      Mode: flags.mode,
      Group: flags.group,
      AllowHost: flags['allow-host'],
    };
    const { Path } = await client.call<ScopedSocket>('POST', '/gantry/sockets', { json });
    io.stdout.write(`${Path}\n`);
    return 0;
  },
});
