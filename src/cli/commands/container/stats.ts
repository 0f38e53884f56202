/** `gantry stats`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { formatHelp, formatRows } from '../../output/format-rows.ts';
import { statsLayout, statsRow } from '../../rows/stats-row.ts';
import { formatOr } from '../../user-defaults.ts';
import { StatsWatch } from '../../watch-stats.ts';

/** Milliseconds between two pictures. */
const interval = 500;

export const stats = defineCommand({
  usage: '[OPTIONS] [CONTAINER...]',
  description:
    'Without names, those of all containers that run. "monitor" shows the same, and more, with keys.',
  examples: [
    ['stats', 'A live table of all that run'],
    ['stats --no-stream --format "{{.Name}}: {{.MemUsage}}"', 'Once, in a format of your own'],
  ],
  arguments: [0, anyNumber],
  flags: {
    all: toggle('Show all containers (default shows just running)', { short: 'a' }),
    format: text(formatHelp),
    'no-stream': toggle('Disable streaming stats and only pull the first result'),
    'no-trunc': toggle('Do not truncate output'),
  },
  run: async (context, { flags, positional }) => {
    const format = formatOr(context, 'stats', flags);
    const show = (watch: StatsWatch): string => {
      const rows = watch.subjects.map((subject) => statsRow(subject, !flags['no-trunc']));
      return formatRows(format, false, statsLayout, rows);
    };
    // A format that is none is said before anything is asked for.
    formatRows(format, false, statsLayout, []);
    const watch = new StatsWatch(context.client, { names: positional, all: flags.all });
    if (!flags['no-stream']) return follow(context, watch, show);
    await watch.once();
    fail(watch);
    context.io.stdout.write(show(watch));
    return 0;
  },
});

async function follow(
  { io }: Context,
  watch: StatsWatch,
  show: (watch: StatsWatch) => string,
): Promise<number> {
  await watch.start();
  try {
    for (;;) {
      fail(watch);
      io.stdout.write(picture(show(watch)));
      await sleep(interval);
    }
  } finally {
    watch.stop();
  }
}

/** In the place of the one before: each line, then the screen below, is cleared to its end. */
function picture(text: string): string {
  return `\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`;
}

function fail(watch: StatsWatch): void {
  const [first] = watch.takeFailures();
  if (first !== undefined) throw first;
}
