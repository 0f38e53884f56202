/** `gantry undo`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { RemovedObject } from '../../../wire/undo.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { toggle } from '../../flags/kinds.ts';
import { formatRows } from '../../output/format-rows.ts';
import { humanDuration, humanSize } from '../../output/human.ts';
import { GoRow } from '../../template/value.ts';

export const undo = defineCommand({
  usage: '[OPTIONS] [NAME|ID...]',
  description:
    'Brings back containers and volumes that rm, prune and volume rm took, as long as the daemon keeps them: the last ones, or those that are named.',
  examples: [
    ['undo', 'What was removed last'],
    ['undo --list', 'What can be restored, and until when'],
    ['undo --clear', 'Give up what could be restored, and its room on the disk'],
  ],
  arguments: [0, anyNumber],
  flags: {
    clear: toggle('Remove for good, instead of restoring'),
    list: toggle('List what can be restored', { short: 'l' }),
  },
  run: async ({ client, io }, { flags, positional }) => {
    if (flags.list && (flags.clear || positional.length > 0))
      throw new EngineError('invalid-argument', 'conflicting options: --list takes no names and no --clear');
    if (flags.list) {
      io.stdout.write(listing(await client.call<RemovedObject[]>('GET', '/gantry/undo')));
      return 0;
    }
    for (const name of positional.length === 0 ? [''] : positional) {
      const query = name === '' ? {} : { name };
      const method = flags.clear ? 'DELETE' : 'POST';
      const done = await client.call<RemovedObject[]>(method, '/gantry/undo', { query });
      for (const { Kind, Name } of done) io.stdout.write(`${Kind} ${Name}\n`);
    }
    return 0;
  },
});

const layout = {
  columns: '{{.ID}}\t{{.Kind}}\t{{.Name}}\t{{.Removed}}\t{{.Expires}}\t{{.Size}}',
  quiet: '{{.ID}}',
  headings: { ID: 'ID', Kind: 'KIND', Name: 'NAME', Removed: 'REMOVED', Expires: 'EXPIRES', Size: 'SIZE' },
};

function listing(objects: readonly RemovedObject[]): string {
  const now = Date.now();
  const rows = objects.map(
    (one) =>
      new GoRow('removal', {
        ID: () => one.Id.slice(0, 12),
        Kind: () => one.Kind,
        Name: () => one.Name,
        Removed: () => `${humanDuration(now - Date.parse(one.RemovedAt))} ago`,
        Expires: () => `in ${humanDuration(Math.max(0, Date.parse(one.ExpiresAt) - now))}`,
        Size: () => (one.Size < 0 ? '' : humanSize(one.Size)),
      }),
  );
  return formatRows('table', false, layout, rows);
}
