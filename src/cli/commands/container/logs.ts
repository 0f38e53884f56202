/** `gantry logs`. */

import { HijackedStream } from '../../../client/hijacked-stream.ts';
import { segment } from '../../../client/query.ts';
import type { ContainerInspect } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { toTimestamp } from '../../flags/timestamps.ts';
import { copyOutput } from '../../terminal/session.ts';

export const logs = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  examples: [
    ['logs -f --tail 20 web', 'The last lines, then whatever comes'],
    ['logs --since 10m -t web', 'Ten minutes, with the times'],
    ['logs --clear web', 'Empty the log of a container, also while it runs'],
  ],
  arguments: [1, 1],
  flags: {
    clear: toggle('Remove what was logged so far, in place of showing it'),
    details: toggle('Show extra details provided to logs'),
    follow: toggle('Follow log output', { short: 'f' }),
    since: text(
      'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    ),
    tail: text('Number of lines to show from the end of the logs', { short: 'n', initial: 'all' }),
    timestamps: toggle('Show timestamps', { short: 't' }),
    until: text(
      'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    ),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const name = segment(positional[0] ?? '');
    if (flags.clear) {
      await client.call('DELETE', `/gantry/containers/${name}/logs`);
      return 0;
    }
    const { Config } = await client.call<ContainerInspect>('GET', `/containers/${name}/json`);
    const query = {
      stdout: true,
      stderr: true,
      details: flags.details,
      follow: flags.follow,
      since: toTimestamp(flags.since, 'invalid value for "since": '),
      until: toTimestamp(flags.until, 'invalid value for "until": '),
      tail: flags.tail,
      timestamps: flags.timestamps,
    };
    const response = await client.open('GET', `/containers/${name}/logs`, { query });
    await copyOutput(new HijackedStream(response, !Config.Tty), io, {
      stdout: true,
      stderr: true,
      tty: Config.Tty,
    });
    return 0;
  },
});
