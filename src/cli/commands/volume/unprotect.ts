/** `gantry volume unprotect`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';

export const unprotect = defineCommand({
  usage: 'VOLUME [VOLUME...]',
  examples: [['volume unprotect data', 'Then: gantry volume rm data']],
  description: 'It can be removed again then.',
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('POST', `/gantry/volumes/${segment(name)}/unprotect`),
    ),
});
