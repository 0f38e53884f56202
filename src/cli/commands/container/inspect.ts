/** `gantry container inspect`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { inspectEach, inspectFormatHelp } from '../../inspect-objects.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  examples: [["container inspect -f '{{.State.Status}} {{.State.ExitCode}}' web", 'Single facts']],
  arguments: [1, anyNumber],
  flags: {
    format: text(inspectFormatHelp, { short: 'f' }),
    size: toggle('Display total file sizes', { short: 's' }),
  },
  run: (context, { flags, positional }) =>
    inspectEach(context, positional, flags.format, (name) =>
      context.client.call('GET', `/containers/${segment(name)}/json`, { query: { size: flags.size } }),
    ),
});
