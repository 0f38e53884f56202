/** `gantry network inspect`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { inspectEach, inspectFormatHelp } from '../../inspect-objects.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  arguments: [1, anyNumber],
  flags: {
    format: text(inspectFormatHelp, { short: 'f' }),
    verbose: toggle('Verbose output for diagnostics', { short: 'v' }),
  },
  run: (context, { flags, positional }) =>
    inspectEach(context, positional, flags.format, (name) =>
      context.client.call('GET', `/networks/${segment(name)}`, { query: { verbose: flags.verbose } }),
    ),
});
