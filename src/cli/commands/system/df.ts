/** `gantry system df`. */
import type { DiskUsageResponse } from '../../../wire/system.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { detailedUsage } from '../../rows/usage-details.ts';
import { usageLayout, usageRows } from '../../rows/usage-row.ts';

export const df = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['system df', 'How much, and how much could be freed'],
    ['system df -v', 'By image, container and volume'],
  ],
  arguments: [0, 0],
  flags: {
    format: text(formatHelp),
    verbose: toggle('Show detailed information on space usage', { short: 'v' }),
  },
  run: async ({ client, io }, { flags }) => {
    const usage = await client.call<DiskUsageResponse>('GET', '/system/df');
    io.stdout.write(
      flags.verbose
        ? detailedUsage(usage, flags.format)
        : formatRows(flags.format, false, usageLayout, usageRows(usage)),
    );
    return 0;
  },
});
