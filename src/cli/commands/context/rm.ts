/** `gantry context rm`. */
import { EngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { ContextStore, defaultContext } from '../../context-store.ts';
import { ConfigFile } from '../../credentials/config-file.ts';
import { forEachArgument } from '../../each-argument.ts';
import { toggle } from '../../flags/kinds.ts';

export const rm = defineCommand({
  usage: 'CONTEXT [CONTEXT...]',
  arguments: [1, anyNumber],
  flags: { force: toggle('Force the removal of a context in use', { short: 'f' }) },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, async (name) => remove(context, name, flags.force)),
});

function remove(context: Context, name: string, force: boolean): undefined {
  if (name === defaultContext)
    throw new EngineError('invalid-argument', `context "${defaultContext}" cannot be removed`);
  const store = new ContextStore(context.configFolder);
  const config = ConfigFile.read(context.configFolder);
  if (!force && !store.has(name)) throw new EngineError('not-found', `context "${name}" does not exist`);
  const inUse = config.currentContext === name;
  if (inUse && !force) {
    throw new EngineError('conflict', `context "${name}" is in use, set -f flag to force remove`);
  }
  store.remove(name);
  if (inUse) {
    config.currentContext = '';
    config.save();
  }
}
