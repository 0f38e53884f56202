/** `gantry socket rm`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';

export const rm = defineCommand({
  usage: 'NAME [NAME...]',
  description: 'Connections through it end at once.',
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('DELETE', `/gantry/sockets/${segment(name)}`),
    ),
});
