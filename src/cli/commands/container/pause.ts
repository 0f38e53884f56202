/** `gantry pause`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';

export const pause = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  examples: [['pause web', 'Its processes stand still, and keep their memory']],
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('POST', `/containers/${segment(name)}/pause`),
    ),
});
