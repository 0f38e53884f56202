/** `gantry rename`. */
import { segment } from '../../../client/query.ts';
import { EngineError, isEngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';

export const rename = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  examples: [['rename web web-old', 'The new name counts at once, also for other containers']],
  arguments: [2, 2],
  flags: {},
  run: async ({ client }, { positional }) => {
    const [oldName = '', newName = ''] = positional.map((name) => name.trim());
    if (oldName === '' || newName === '') {
      throw new EngineError('invalid-argument', 'Error: Neither old nor new names may be empty');
    }
    try {
      await client.call('POST', `/containers/${segment(oldName)}/rename`, { query: { name: newName } });
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const message = `${error.message}\nError: failed to rename container named ${oldName}`;
      throw new EngineError(error.code, message, { cause: error });
    }
    return 0;
  },
});
