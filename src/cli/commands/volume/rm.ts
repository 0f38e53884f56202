/** `gantry volume rm`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { toggle } from '../../flags/kinds.ts';

export const rm = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  description: 'A volume that a container uses stays.',
  examples: [['volume rm data', 'Its files are gone then']],
  arguments: [1, anyNumber],
  flags: { force: toggle('Force the removal of one or more volumes', { short: 'f' }) },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, (name) =>
      context.client.call('DELETE', `/volumes/${segment(name)}`, { query: { force: flags.force } }),
    ),
});
