/** `gantry rename`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';

export const rename = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  arguments: [2, 2],
  flags: {},
  run: async ({ client }, { positional }) => {
    const [oldName = '', newName = ''] = positional.map((name) => name.trim());
    if (oldName === '' || newName === '') {
      throw new EngineError('invalid-argument', 'Error: Neither old nor new names may be empty');
    }
    await client.call('POST', `/containers/${segment(oldName)}/rename`, { query: { name: newName } });
    return 0;
  },
});
