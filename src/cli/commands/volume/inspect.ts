/** `gantry volume inspect`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';
import { inspectEach, inspectFormatHelp } from '../../inspect-objects.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  examples: [["volume inspect -f '{{.Mountpoint}}' data", 'Where its files are']],
  arguments: [1, anyNumber],
  flags: {
    format: text(inspectFormatHelp, { short: 'f' }),
  },
  run: (context, { flags, positional }) =>
    inspectEach(context, positional, flags.format, (name) =>
      context.client.call('GET', `/volumes/${segment(name)}`),
    ),
});
