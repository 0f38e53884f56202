/** `gantry start`. */
import { type Query, segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ContainerInspect } from '../../../wire/container.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { forEachArgument } from '../../each-argument.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { requireTerminal } from '../../terminal/require-terminal.ts';
import { startAttached } from '../../terminal/start-attached.ts';
import { ignoreUnchanged } from '../../unchanged.ts';
import { detachKeysOr } from '../../user-defaults.ts';

export const start = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  examples: [
    ['start web', 'Start it in the background'],
    ['start -ai shell', 'Start it and take part'],
  ],
  arguments: [1, anyNumber],
  flags: {
    attach: toggle('Attach STDOUT/STDERR and forward signals', { short: 'a' }),
    checkpoint: text('Restore from this checkpoint'),
    'checkpoint-dir': text('Use a custom checkpoint storage directory'),
    'detach-keys': text('Override the key sequence for detaching a container'),
    interactive: toggle("Attach container's STDIN", { short: 'i' }),
  },
  run: (context, { flags, positional }) => {
    const attached = flags.attach || flags.interactive;
    if (attached && positional.length > 1) {
      throw new EngineError('invalid-argument', 'you cannot start and attach multiple containers at once');
    }
    if (attached) return runAttached(context, positional[0] ?? '', flags);
    const query = { checkpoint: flags.checkpoint, 'checkpoint-dir': flags['checkpoint-dir'] };
    return startAll(context, positional, query);
  },
});

async function startAll(context: Context, names: readonly string[], query: Query): Promise<number> {
  const failed: string[] = [];
  const code = await forEachArgument(context, names, async (name) => {
    try {
      return await context.client
        .call<undefined>('POST', `/containers/${segment(name)}/start`, { query })
        .catch(ignoreUnchanged);
    } catch (error) {
      failed.push(name);
      throw error;
    }
  });
  if (failed.length > 0) context.io.stderr.write(`Error: failed to start containers: ${failed.join(', ')}\n`);
  return code;
}

interface AttachFlags {
  readonly interactive: boolean;
  readonly 'detach-keys': string;
}

async function runAttached(context: Context, name: string, flags: AttachFlags): Promise<number> {
  const container = await context.client.call<ContainerInspect>('GET', `/containers/${segment(name)}/json`);
  const { Tty, OpenStdin } = container.Config;
  const stdin = flags.interactive && OpenStdin;
  if (Tty && stdin) requireTerminal(context.io);
  return startAttached(context, container.Id, {
    stdin,
    stdout: true,
    stderr: true,
    tty: Tty,
    detachKeys: detachKeysOr(context, flags['detach-keys']),
    proxySignals: true,
    autoRemove: container.HostConfig.AutoRemove,
  });
}
