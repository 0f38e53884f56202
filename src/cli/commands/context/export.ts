/** `gantry context export`. */
import { writeFileSync } from 'node:fs';
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { packContext } from '../../context-archive.ts';
import { readContext } from '../../context-settings.ts';
import { ContextStore, checkContextName, defaultContext } from '../../context-store.ts';
import { fileError } from '../../run-config/variables.ts';

export const exportContext = defineCommand({
  usage: '[OPTIONS] CONTEXT [FILE|-]',
  description: 'The archive holds the keys of the context, too. Without FILE it is CONTEXT.dockercontext.',
  arguments: [1, 2],
  flags: {},
  run: async (context, { positional }) => {
    const [name = '', file = `${name}.dockercontext`] = positional;
    const { io } = context;
    if (name !== defaultContext) checkContextName(name);
    if (file === '-' && io.stdout.isTerminal) {
      throw new EngineError(
        'invalid-argument',
        'cowardly refusing to export to a terminal, specify a file path',
      );
    }
    const archive = await packContext(new ContextStore(context.configFolder), readContext(context, name));
    if (file === '-') await io.stdout.send(archive);
    else {
      writeNewFile(file, archive);
      io.stderr.write(`Written file ${JSON.stringify(file)}\n`);
    }
    return 0;
  },
});

/** Never over another file: an older export may hold the only copy of a key. */
function writeNewFile(path: string, content: Buffer): void {
  try {
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fileError('open', path, error);
  }
}
