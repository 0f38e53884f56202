/** `gantry diff`. */
import { segment } from '../../../client/query.ts';
import type { ContainerChange } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';

const letters: Readonly<Record<number, string>> = { 0: 'C', 1: 'A', 2: 'D' };

export const diff = defineCommand({
  usage: 'CONTAINER',
  description: 'A is for what was added, C for what was changed, D for what was deleted.',
  examples: [['diff web', 'What it has changed, added (A) and deleted (D)']],
  arguments: [1, 1],
  flags: {},
  run: async ({ client, io }, { positional }) => {
    const [name = ''] = positional;
    const path = `/containers/${segment(name)}/changes`;
    const changes = await client.call<ContainerChange[] | null>('GET', path);
    const lines = (changes ?? []).map(({ Kind, Path }) => `${letters[Kind] ?? ''} ${Path}\n`);
    io.stdout.write(lines.join(''));
    return 0;
  },
});
