/** Runs the command line within the test's own process, with input and output in memory. */
import { Readable } from 'node:stream';
import type { Io, Output } from '../../src/cli/io.ts';
import { runProgram } from '../../src/cli/program.ts';

export interface ProgramResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** `gantry ARGS`, without a terminal. No configuration of the user's is read unless `env` names it. */
export async function gantry(
  args: readonly string[],
  input = '',
  env: Record<string, string> = {},
): Promise<ProgramResult> {
  const texts = ['', ''];
  const output = (index: 0 | 1): Output => {
    const write = (data: string | Uint8Array) => {
      texts[index] += typeof data === 'string' ? data : Buffer.from(data).toString();
    };
    return { isTerminal: false, columns: () => 0, write, send: async (data) => write(data) };
  };
  const io: Io = {
    stdin: { isTerminal: false, open: () => Readable.from([Buffer.from(input)]) },
    stdout: output(0),
    stderr: output(1),
    env: { DOCKER_CONFIG: '/nowhere', ...env },
  };
  const code = await runProgram(args, io);
  return { code, stdout: texts[0] ?? '', stderr: texts[1] ?? '' };
}
