/** `gantry context update`. */
import { defineCommand } from '../../command.ts';
import { dockerFlag, endpointSettings, withDescription } from '../../context-settings.ts';
import { ContextStore, checkContextName } from '../../context-store.ts';
import { text } from '../../flags/kinds.ts';

export const update = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  description: '--docker replaces the whole endpoint, its certificates too.',
  arguments: [1, 1],
  flags: {
    description: text('Description of the context'),
    docker: dockerFlag,
  },
  run: async (context, { flags, given, positional }) => {
    const [name = ''] = positional;
    const store = new ContextStore(context.configFolder);
    checkContextName(name);
    const old = store.read(name);
    const Metadata =
      flags.description === '' ? old.Metadata : withDescription(old.Metadata, flags.description);
    if (given.has('docker')) {
      const { document, tls } = endpointSettings(context, flags.docker);
      store.write({ Name: name, Metadata, Endpoints: { ...old.Endpoints, docker: document } });
      store.writeTls(name, 'docker', tls);
    } else store.write({ ...old, Metadata });
    context.io.stdout.write(`${name}\n`);
    context.io.stderr.write(`Successfully updated context "${name}"\n`);
    return 0;
  },
});
