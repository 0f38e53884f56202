/** `gantry commit`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { CommitResponse } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';
import { list, text, toggle } from '../../flags/kinds.ts';
import { parseImageName } from '../../image-name.ts';

export const commit = defineCommand({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  examples: [
    ['commit web web:patched', 'What changed in it becomes a layer'],
    ['commit -c \'CMD ["sh"]\' -c "ENV A=b" web web:2', 'With other settings'],
  ],
  arguments: [1, 2],
  flags: {
    author: text('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: text('Commit message', { short: 'm' }),
    pause: toggle('Pause container during commit', { short: 'p', initial: true }),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const [container = '', reference = ''] = positional;
    const query = {
      container,
      ...splitName(reference),
      author: flags.author,
      comment: flags.message,
      changes: flags.change,
      pause: flags.pause ? undefined : '0',
    };
    const { Id } = await client.call<CommitResponse>('POST', '/commit', { query });
    io.stdout.write(`${Id}\n`);
    return 0;
  },
});

function splitName(reference: string): { repo?: string; tag?: string } {
  if (reference === '') return {};
  const { full, tag, digest } = parseImageName(reference);
  if (digest !== undefined) {
    throw new EngineError('invalid-argument', 'refusing to create a tag with a digest reference');
  }
  return { repo: full, tag: tag ?? 'latest' };
}
