/** `gantry load`. */
import { createReadStream } from 'node:fs';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ProgressMessage } from '../../../wire/progress-message.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { openInput } from '../../open-input.ts';
import { ProgressDisplay } from '../../output/progress.ts';
import { platformQuery } from '../../platform-query.ts';

export const load = defineCommand({
  usage: '[OPTIONS]',
  description: 'Takes archives of docker save, in the old and in the OCI form.',
  examples: [['load -i images.tar', 'Images and tags from an archive']],
  arguments: [0, 0],
  flags: {
    input: text('Read from tar archive file, instead of STDIN', { short: 'i' }),
    platform: text('Load only the given platform variant, as in linux/arm64'),
    quiet: toggle('Suppress the load output', { short: 'q' }),
  },
  run: async ({ client, io }, { flags }) => {
    if (flags.input === '' && io.stdin.isTerminal) {
      throw new EngineError('invalid-argument', 'requested load from stdin, but stdin is empty', {
        hint: 'Name the archive with -i, or pipe it in.',
      });
    }
    const stream =
      flags.input === '' ? io.stdin.open() : await openInput(flags.input, (path) => createReadStream(path));
    const query = { quiet: flags.quiet || !io.stdout.isTerminal, platform: platformQuery(flags.platform) };
    const headers = { 'Content-Type': 'application/x-tar' };
    const display = new ProgressDisplay(io.stdout);
    for await (const message of client.documents<ProgressMessage>('POST', '/images/load', {
      query,
      stream,
      headers,
    })) {
      display.show(message);
    }
    return 0;
  },
});
