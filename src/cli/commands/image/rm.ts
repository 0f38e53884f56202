/** `gantry rmi`. */
import { segment } from '../../../client/query.ts';
import { isEngineError } from '../../../errors/engine-error.ts';
import type { ImageDeleteRow } from '../../../wire/image.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { describeFailure } from '../../describe-failure.ts';
import { list, toggle } from '../../flags/kinds.ts';
import { platformQuery } from '../../platform-query.ts';

export const rm = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  description: 'Takes names away; layers are deleted with the last name that uses them.',
  examples: [
    ['rmi alpine:3.20', 'The name, and the image with the last of its names'],
    ['rmi $(gantry images -qf dangling=true)', 'All without a name'],
  ],
  arguments: [1, anyNumber],
  flags: {
    force: toggle('Force removal of the image', { short: 'f' }),
    'no-prune': toggle('Do not delete untagged parents'),
    platform: list('Remove only the given platform variant, as in linux/arm64', { type: 'strings' }),
  },
  run: async (context, { flags, positional }) => {
    const { client, io } = context;
    const query = {
      force: flags.force,
      noprune: flags['no-prune'],
      platforms: flags.platform.map((platform) => platformQuery(platform) ?? ''),
    };
    let failed = false;
    // One after the other: an image may be named twice.
    for (const name of positional) {
      try {
        const rows = await client.call<ImageDeleteRow[]>('DELETE', `/images/${segment(name)}`, { query });
        io.stdout.write(rows.map(describeRow).join(''));
      } catch (error) {
        io.stderr.write(await describeFailure(context, error));
        failed ||= !(flags.force && isEngineError(error, 'not-found'));
      }
    }
    return failed ? 1 : 0;
  },
});

function describeRow({ Deleted, Untagged }: ImageDeleteRow): string {
  return Deleted === undefined || Deleted === '' ? `Untagged: ${Untagged ?? ''}\n` : `Deleted: ${Deleted}\n`;
}
