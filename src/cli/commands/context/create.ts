/** `gantry context create`. */
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import {
  defaultDescription,
  descriptionOf,
  dockerFlag,
  endpointSettings,
  readContext,
  tlsOfContext,
  withDescription,
} from '../../context-settings.ts';
import { ContextStore, checkContextName, defaultContext } from '../../context-store.ts';
import { text } from '../../flags/kinds.ts';

export const create = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  description: 'Without --docker and --from the new context is a copy of the one in use.',
  examples: [
    [
      'context create far --docker host=tcp://far:2376,ca=ca.pem,cert=cert.pem,key=key.pem',
      'A daemon with TLS, for: gantry -c far ps',
    ],
    ['context create far --docker host=ssh://me@far', 'A daemon through ssh'],
  ],
  arguments: [1, 1],
  flags: {
    description: text('Description of the context'),
    docker: dockerFlag,
    from: text('create context from a named context'),
  },
  run: async (context, { flags, given, positional }) => {
    const [name = ''] = positional;
    const store = new ContextStore(context.configFolder);
    checkContextName(name);
    if (store.has(name)) throw new EngineError('conflict', `context "${name}" already exists`);
    if (given.has('docker') && flags.from !== '')
      throw new EngineError('invalid-argument', 'cannot use --docker flag when --from is set');
    if (given.has('docker')) {
      const { document, tls } = endpointSettings(context, flags.docker);
      store.write({
        Name: name,
        Metadata: withDescription({}, flags.description),
        Endpoints: { docker: document },
      });
      store.writeTls(name, 'docker', tls);
    } else copyContext(context, store, flags.from || context.daemon.contextName, name, flags.description);
    context.io.stdout.write(`${name}\n`);
    context.io.stderr.write(`Successfully created context "${name}"\n`);
    return 0;
  },
});

function copyContext(
  context: Context,
  store: ContextStore,
  from: string,
  name: string,
  description: string,
): void {
  const document = readContext(context, from);
  const tls = tlsOfContext(context, from);
  const inherited = from === defaultContext ? defaultDescription : descriptionOf(document);
  const metadata = withDescription(document.Metadata, description || inherited);
  store.write({ Name: name, Metadata: metadata, Endpoints: document.Endpoints });
  store.writeTls(name, 'docker', tls);
}
