/** `gantry unpause`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';

export const unpause = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  examples: [['unpause web', 'Its processes go on']],
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('POST', `/containers/${segment(name)}/unpause`),
    ),
});
