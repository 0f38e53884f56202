/** `gantry context use`. */
import { defineCommand } from '../../command.ts';
import { ContextStore, checkContextName, defaultContext } from '../../context-store.ts';
import { ConfigFile } from '../../credentials/config-file.ts';

export const use = defineCommand({
  usage: 'CONTEXT',
  description: 'Commands of gantry and docker go to its daemon from now on.',
  arguments: [1, 1],
  flags: {},
  run: async ({ configFolder, daemon, io }, { positional }) => {
    const [name = ''] = positional;
    if (name !== defaultContext) {
      checkContextName(name);
      new ContextStore(configFolder).read(name);
    }
    const config = ConfigFile.read(configFolder);
    config.currentContext = name === defaultContext ? '' : name;
    config.save();
    io.stdout.write(`${name}\n`);
    io.stderr.write(`Current context is now "${name}"\n`);
    const { overriding } = daemon;
    if (overriding !== undefined && name !== defaultContext) {
      io.stderr.write(
        `Warning: ${overriding} environment variable overrides the active context. To use ${JSON.stringify(name)}, either set the global --context flag, or unset ${overriding} environment variable.\n`,
      );
    }
    return 0;
  },
});
