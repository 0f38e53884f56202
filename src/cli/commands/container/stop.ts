/** `gantry stop`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { optionalInteger, text } from '../../flags/kinds.ts';
import { ignoreUnchanged } from '../../unchanged.ts';

export const stop = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  description:
    "The process gets the container's stop signal (SIGTERM by default), and SIGKILL when it has not ended within the timeout.",
  examples: [
    ['stop web', 'Stop within ten seconds'],
    ['stop -t 60 db', 'Give it a minute'],
  ],
  arguments: [1, anyNumber],
  flags: {
    signal: text('Signal to send to the container', { short: 's' }),
    timeout: optionalInteger('Seconds to wait before killing the container', { short: 't' }),
    time: optionalInteger('Seconds to wait before killing the container', { hidden: true }),
  },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client
        .call<undefined>('POST', `/containers/${segment(name)}/stop`, {
          query: { signal: flags.signal, t: flags.timeout ?? flags.time },
        })
        .catch(ignoreUnchanged),
    ),
});
