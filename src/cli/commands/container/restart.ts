/** `gantry restart`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { optionalInteger, text } from '../../flags/kinds.ts';

export const restart = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  examples: [
    ['restart web', 'Stop it as gantry stop does, then start it again'],
    ['restart -t 60 db', 'Give it a minute to stop'],
  ],
  arguments: [1, anyNumber],
  flags: {
    signal: text('Signal to send to the container', { short: 's' }),
    timeout: optionalInteger('Seconds to wait before killing the container', { short: 't' }),
    time: optionalInteger('Seconds to wait before killing the container', { hidden: true }),
  },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('POST', `/containers/${segment(name)}/restart`, {
        query: { signal: flags.signal, t: flags.timeout ?? flags.time },
      }),
    ),
});
