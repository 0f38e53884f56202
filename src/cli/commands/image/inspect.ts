/** `gantry image inspect`. */
import { segment } from '../../../client/query.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';
import { inspectEach, inspectFormatHelp } from '../../inspect-objects.ts';
import { platformQuery } from '../../platform-query.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  examples: [["image inspect -f '{{.Config.Env}}' alpine", 'Single facts']],
  arguments: [1, anyNumber],
  flags: {
    format: text(inspectFormatHelp, { short: 'f' }),
    platform: text('Inspect a specific platform of the multi-platform image'),
  },
  run: (context, { flags, positional }) =>
    inspectEach(context, positional, flags.format, (name) =>
      context.client.call('GET', `/images/${segment(name)}/json`, {
        query: { platform: platformQuery(flags.platform) },
      }),
    ),
});
