/** `gantry exec`. */
import { segment } from '../../../client/query.ts';
import type { ExecCreateResponse, ExecInspect } from '../../../wire/exec.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { FlagValues } from '../../flags/flag.ts';
import { list, text, toggle } from '../../flags/kinds.ts';
import { checkEnv } from '../../run-config/flag-checks.ts';
import { readEnvFile } from '../../run-config/variables.ts';
import { defaultDetachKeys, parseDetachKeys } from '../../terminal/detach-keys.ts';
import { requireTerminal } from '../../terminal/require-terminal.ts';
import { runSession } from '../../terminal/session.ts';
import { followWindowSize, windowSize } from '../../terminal/window-size.ts';
import { detachKeysOr } from '../../user-defaults.ts';

const flags = {
  detach: toggle('Detached mode: run command in the background', { short: 'd' }),
  'detach-keys': text('Override the key sequence for detaching a container'),
  env: list('Set environment variables', { short: 'e', check: checkEnv }),
  'env-file': list('Read in a file of environment variables'),
  interactive: toggle('Keep STDIN open even if not attached', { short: 'i' }),
  privileged: toggle('Give extended privileges to the command'),
  tty: toggle('Allocate a pseudo-TTY', { short: 't' }),
  user: text('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
  workdir: text('Working directory inside the container', { short: 'w' }),
} as const;

export const exec = defineCommand({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  examples: [
    ['exec -it web sh', 'A shell in a running container'],
    ['exec -u nobody web id', 'As another user'],
  ],
  arguments: [2, anyNumber],
  interspersed: false,
  flags,
  run: async (context, input) => {
    const [container = '', ...command] = input.positional;
    const given = input.flags;
    if (!given.detach && given.interactive && given.tty) requireTerminal(context.io);
    const size = given.tty ? windowSize() : undefined;
    const consoleSize = size === undefined ? {} : { ConsoleSize: [size.height, size.width] };
    const keys = detachKeysOr(context, given['detach-keys']);
    const { Id } = await context.client.call<ExecCreateResponse>(
      'POST',
      `/containers/${segment(container)}/exec`,
      {
        json: {
          User: given.user,
          Privileged: given.privileged,
          Tty: given.tty,
          ...consoleSize,
          AttachStdin: !given.detach && given.interactive,
          AttachStdout: !given.detach,
          AttachStderr: !given.detach,
          ...(keys === '' ? {} : { DetachKeys: keys }),
          Env: [...given['env-file'].flatMap(readEnvFile), ...given.env],
          WorkingDir: given.workdir,
          Cmd: command,
        },
      },
    );
    const start = { Detach: given.detach, Tty: given.tty, ...consoleSize };
    if (!given.detach) return runAttached(context, Id, given, start);
    await context.client.call('POST', `/exec/${Id}/start`, { json: start });
    return 0;
  },
});

async function runAttached(
  context: Context,
  id: string,
  given: FlagValues<typeof flags>,
  start: object,
): Promise<number> {
  const { client, io } = context;
  const detachKeys = parseDetachKeys(detachKeysOr(context, given['detach-keys']) || defaultDetachKeys);
  const stream = await client.hijack('POST', `/exec/${id}/start`, { json: start });
  const stopResize =
    given.tty && io.stdin.isTerminal ? followWindowSize(client, `/exec/${id}/resize`) : undefined;
  const end = await runSession(stream, io, {
    stdin: given.interactive,
    stdout: true,
    stderr: true,
    tty: given.tty,
    detachKeys,
  });
  stopResize?.();
  if (end === 'detached') {
    io.stderr.write('read escape sequence\n');
    return 1;
  }
  const { ExitCode } = await client.call<ExecInspect>('GET', `/exec/${id}/json`);
  return ExitCode ?? 0;
}
