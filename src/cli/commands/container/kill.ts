/** `gantry kill`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { text } from '../../flags/kinds.ts';

export const kill = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  examples: [
    ['kill web', 'End it at once, with SIGKILL'],
    ['kill -s HUP web', 'Send another signal'],
  ],
  arguments: [1, anyNumber],
  flags: { signal: text('Signal to send to the container', { short: 's' }) },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('POST', `/containers/${segment(name)}/kill`, { query: { signal: flags.signal } }),
    ),
});
