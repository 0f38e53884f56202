/** `gantry monitor`. */
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag } from '../../filters.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { isSortKey, sortKeys } from '../../monitor/listing.ts';
import { runMonitor } from '../../monitor/run-monitor.ts';

export const monitor = defineCommand({
  usage: '[OPTIONS]',
  description:
    'A live view of all containers: processors, memory, network, disk and health, with keys to stop, kill, pause, restart, enter or inspect them and to read their logs. The key ? lists the keys; q ends it.',
  examples: [
    ['monitor', 'What runs, the busiest first'],
    ['monitor -a --sort memory', 'Also what has ended, by memory'],
    ['monitor --filter label=app=web', 'Some of the containers'],
  ],
  arguments: [0, 0],
  flags: {
    all: toggle('Show containers that have ended too', { short: 'a' }),
    filter: filterFlag('Show only some containers, as "gantry ps --filter" does', 'f'),
    sort: text(`Order by ${sortKeys.join(', ')}`, { short: 's', initial: 'cpu' }),
  },
  run: async (context, { flags }) => {
    const { stdin, stdout } = context.io;
    if (!isSortKey(flags.sort)) {
      const message = `invalid value for --sort: ${JSON.stringify(flags.sort)}`;
      throw new EngineError('invalid-argument', message, { hint: `It may be ${sortKeys.join(', ')}.` });
    }
    if (!stdin.isTerminal || !stdout.isTerminal) {
      throw new EngineError('invalid-argument', 'the monitor needs a terminal', {
        hint: 'For figures in a script: gantry stats --no-stream.',
      });
    }
    // Says at once what is wrong with the way to the daemon.
    await context.client.call('GET', '/containers/json', { query: { limit: 1 } });
    return runMonitor(context, { all: flags.all, filters: flags.filter, sort: flags.sort });
  },
});
