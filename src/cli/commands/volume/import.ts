/** `gantry volume import`. */
import { createReadStream } from 'node:fs';
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { Volume } from '../../../wire/volume.ts';
import { defineCommand } from '../../command.ts';
import { list, text } from '../../flags/kinds.ts';
import { openInput } from '../../open-input.ts';
import { checkLabel } from '../../run-config/flag-checks.ts';

export const importVolume = defineCommand({
  usage: '[OPTIONS] VOLUME',
  description:
    'Makes a new volume of a tar archive, plain or compressed. It is there when it is whole, or not at all.',
  examples: [['volume import -i data.tar data', 'A new volume with the files of an archive']],
  arguments: [1, 1],
  flags: {
    input: text('Read from tar archive file, instead of STDIN', { short: 'i' }),
    label: list('Set metadata for the volume', { check: checkLabel }),
  },
  run: async ({ client, io }, { flags, positional: [name = ''] }) => {
    if (flags.input === '' && io.stdin.isTerminal) {
      throw new EngineError('invalid-argument', 'requested import from stdin, but stdin is empty', {
        hint: 'Name the archive with -i, or pipe it in.',
      });
    }
    const stream =
      flags.input === '' ? io.stdin.open() : await openInput(flags.input, (path) => createReadStream(path));
    const { Name } = await client.call<Volume>('POST', `/gantry/volumes/${segment(name)}/import`, {
      query: { label: flags.label },
      stream,
      headers: { 'Content-Type': 'application/x-tar' },
    });
    io.stdout.write(`${Name}\n`);
    return 0;
  },
});
