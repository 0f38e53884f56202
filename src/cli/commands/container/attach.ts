/** `gantry attach`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ContainerInspect, WaitResponse } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { defaultDetachKeys, parseDetachKeys } from '../../terminal/detach-keys.ts';
import { proxySignals } from '../../terminal/proxy-signals.ts';
import { requireTerminal } from '../../terminal/require-terminal.ts';
import { runSession } from '../../terminal/session.ts';
import { followWindowSize } from '../../terminal/window-size.ts';
import { detachKeysOr } from '../../user-defaults.ts';

export const attach = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  description:
    'Ctrl-P Ctrl-Q leaves a container with a terminal and lets it run; the exit code is the container’s own.',
  examples: [['attach web', 'See its output, type its input']],
  arguments: [1, 1],
  flags: {
    'detach-keys': text('Override the key sequence for detaching a container'),
    'no-stdin': toggle('Do not attach STDIN'),
    'sig-proxy': toggle('Proxy all received signals to the process', { initial: true }),
  },
  run: async (context, { flags, positional }) => {
    const { client, io } = context;
    const name = positional[0] ?? '';
    const container = await client.call<ContainerInspect>('GET', `/containers/${segment(name)}/json`);
    checkState(container);
    const { Tty: tty, OpenStdin } = container.Config;
    const stdin = !flags['no-stdin'] && OpenStdin;
    if (tty && stdin) requireTerminal(io);
    const keys = detachKeysOr(context, flags['detach-keys']);
    const detachKeys = parseDetachKeys(keys || defaultDetachKeys);
    const path = `/containers/${segment(container.Id)}`;
    const query = { stream: true, stdin, stdout: true, stderr: true, detachKeys: keys };
    const ended = client.call<WaitResponse>('POST', `${path}/wait`);
    ended.catch(() => undefined);
    const stream = await client.hijack('POST', `${path}/attach`, { query });
    const stopSignals = flags['sig-proxy'] && !tty ? proxySignals(client, container.Id) : undefined;
    const stopResize =
      tty && io.stdin.isTerminal ? followWindowSize(client, `${path}/resize`, true) : undefined;
    const end = await runSession(stream, io, { stdin, stdout: true, stderr: true, tty, detachKeys });
    stopSignals?.();
    stopResize?.();
    if (end === 'detached') {
      io.stderr.write('read escape sequence\n');
      return 1;
    }
    return (await ended).StatusCode;
  },
});

function checkState({ State }: ContainerInspect): void {
  const problem = !State.Running
    ? 'stopped'
    : State.Paused
      ? 'paused'
      : State.Restarting
        ? 'restarting'
        : undefined;
  if (problem === undefined) return;
  const mend = {
    stopped: 'start it first',
    paused: 'unpause it first',
    restarting: 'wait until it is running',
  };
  const text = `You cannot attach to a ${problem} container, ${mend[problem]}`;
  throw new EngineError('failed-precondition', text);
}
