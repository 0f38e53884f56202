/** `gantry volume protect`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';

export const protect = defineCommand({
  usage: 'VOLUME [VOLUME...]',
  examples: [['volume protect data', 'Neither rm nor prune takes it']],
  description: 'No removal and no pruning takes a protected volume.',
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('POST', `/gantry/volumes/${segment(name)}/protect`),
    ),
});
