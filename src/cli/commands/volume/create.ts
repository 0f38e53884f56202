/** `gantry volume create`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { Volume } from '../../../wire/volume.ts';
import { defineCommand } from '../../command.ts';
import { list, text } from '../../flags/kinds.ts';
import { toRecord } from '../../run-config/csv.ts';
import { checkLabel } from '../../run-config/flag-checks.ts';

export const create = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  examples: [['volume create data', 'Then: gantry run -v data:/var/lib/data …']],
  arguments: [0, 1],
  flags: {
    driver: text('Specify volume driver name', { short: 'd', initial: 'local' }),
    label: list('Set metadata for a volume', { check: checkLabel }),
    name: text('Specify volume name', { hidden: true }),
    opt: list('Set driver specific options', { short: 'o', type: 'map' }),
  },
  run: async ({ client, io }, { flags, positional }) => {
    if (flags.name !== '' && positional.length > 0) {
      throw new EngineError(
        'invalid-argument',
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const json = {
      Name: positional[0] ?? flags.name,
      Driver: flags.driver,
      DriverOpts: toRecord(flags.opt),
      Labels: toRecord(flags.label),
    };
    const { Name } = await client.call<Volume>('POST', '/volumes/create', { json });
    io.stdout.write(`${Name}\n`);
    return 0;
  },
});
