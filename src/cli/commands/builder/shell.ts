/** `gantry build shell`. */
import { segment } from '../../../client/query.ts';
import type { ExecCreateResponse, ExecInspect } from '../../../wire/exec.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';
import { defaultDetachKeys, parseDetachKeys } from '../../terminal/detach-keys.ts';
import { runSession } from '../../terminal/session.ts';
import { followWindowSize, windowSize } from '../../terminal/window-size.ts';

export const shell = defineCommand({
  usage: '[OPTIONS] BUILD [COMMAND] [ARG...]',
  description:
    'Opens a shell (or runs the command) in the file system of the step that failed, as it left it, with its mounts and its environment. BUILD is the ID that the failed build has named.',
  examples: [
    ['build shell 3f1c2a9b04de', 'A shell where the build failed'],
    ['build shell 3f1c2a9b04de cat /src/config.log', 'One command there'],
  ],
  arguments: [1, anyNumber],
  interspersed: false,
  flags: { step: text('Digest of the step, where several have failed') },
  run: async ({ client, io }, { flags, positional: [build = '', ...command] }) => {
    const query = { step: flags.step || undefined };
    const { Id } = await client.call<{ Id: string }>('POST', `/gantry/build/${segment(build)}/shell`, {
      query,
    });
    const tty = io.stdin.isTerminal && io.stdout.isTerminal;
    const size = tty ? windowSize() : undefined;
    const consoleSize = size === undefined ? {} : { ConsoleSize: [size.height, size.width] };
    const exec = await client.call<ExecCreateResponse>('POST', `/containers/${Id}/exec`, {
      json: {
        Cmd: command.length === 0 ? ['/bin/sh'] : command,
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Tty: tty,
        ...consoleSize,
      },
    });
    const stream = await client.hijack('POST', `/exec/${exec.Id}/start`, {
      json: { Detach: false, Tty: tty, ...consoleSize },
    });
    const stop = tty ? followWindowSize(client, `/exec/${exec.Id}/resize`) : undefined;
    await runSession(stream, io, {
      stdin: true,
      stdout: true,
      stderr: true,
      tty,
      detachKeys: parseDetachKeys(defaultDetachKeys),
    });
    stop?.();
    const { ExitCode } = await client.call<ExecInspect>('GET', `/exec/${exec.Id}/json`);
    return ExitCode ?? 0;
  },
});
