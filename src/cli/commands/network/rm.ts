/** `gantry network rm`. */
import { segment } from '../../../client/query.ts';
import { isEngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { toggle } from '../../flags/kinds.ts';

export const rm = defineCommand({
  usage: 'NETWORK [NETWORK...]',
  description: 'A network that containers are on stays.',
  arguments: [1, anyNumber],
  flags: { force: toggle('Do not error if the network does not exist', { short: 'f' }) },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, async (name) => {
      try {
        await context.client.call('DELETE', `/networks/${segment(name)}`);
        return name;
      } catch (error) {
        if (flags.force && isEngineError(error, 'not-found')) return '';
        throw error;
      }
    }),
});
