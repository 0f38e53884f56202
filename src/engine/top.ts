/** The processes of a container as the host's `ps` shows them. */
import { EngineError } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { runtimeProgram } from './runtimes.ts';
import { hasProcess } from './state.ts';

export interface ProcessList {
  titles: string[];
  /** One row of fields for each process, as many as there are titles. */
  processes: string[][];
}

/**
 * Runs `ps` with the arguments given (`-ef` for none) and keeps what belongs to the container. EngineError `not-found`,
 * `conflict` for a container that doesn't run, `invalid-argument` for arguments that `ps` doesn't take or that leave out the PID.
 */
export async function topContainer(engine: Engine, ref: string, psArgs: string): Promise<ProcessList> {
  const container = engine.containers.resolve(ref);
  const { state, record } = container;
  if (state.status === 'restarting') {
    throw new EngineError(
      'conflict',
      `Container ${record.id} is restarting, wait until the container is running`,
    );
  }
  if (!hasProcess(state)) throw new EngineError('conflict', `container ${record.id} is not running`);
  const args = splitArguments(psArgs);
  const program = runtimeProgram(engine.config, engine.host, record.hostConfig.runtime);
  const pids = await engine.runtime.pids(record.id, program);
  const output = await runPs(engine, pids, args);
  publishContainerEvent(engine.events, record, 'top');
  return selectProcesses(output, new Set(pids));
}

function splitArguments(text: string): string[] {
  const args = text.split(/\s+/).filter((word) => word !== '');
  return args.length === 0 ? ['-ef'] : args;
}

/** First for the pids alone, which is quick; where the arguments don't go with `-q`, for all processes. */
async function runPs(
  engine: Pick<Engine, 'launcher'>,
  pids: readonly number[],
  args: readonly string[],
): Promise<string> {
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', COLUMNS: '4096' };
  const narrow = await engine.launcher.run({ argv: ['ps', ...args, `-q${pids.join(',')}`], env });
  if (narrow.exitCode === 0 && pids.length > 0) return narrow.stdout.toString();
  const { exitCode, stdout, stderr } = await engine.launcher.run({
    argv: ['ps', ...args],
    env,
    maxOutput: 16 * 1024 * 1024,
  });
  if (exitCode === 0) return stdout.toString();
  const complaint = stderr.toString().trim().split('\n', 1)[0] ?? '';
  throw new EngineError(
    'invalid-argument',
    `ps: ${complaint === '' ? `exit status ${exitCode}` : complaint}`,
    {
      hint: 'use arguments that ps takes, such as -ef or aux',
    },
  );
}

/** The rows of `ps` for these processes. What is wider than its titles belongs to the last. */
export function selectProcesses(output: string, pids: ReadonlySet<number>): ProcessList {
  const [head = '', ...lines] = output.split('\n');
  const titles = fieldsOf(head);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) {
    throw new EngineError('invalid-argument', "Couldn't find PID field in ps output", {
      hint: 'let ps show the column pid',
    });
  }
  const rows = lines.map(fieldsOf).filter((fields) => pids.has(Number(fields[pidColumn])));
  const last = titles.length - 1;
  const processes = rows.map((fields) => [...fields.slice(0, last), fields.slice(last).join(' ')]);
  return { titles, processes };
}

function fieldsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}
