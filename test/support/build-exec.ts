/** What a command says in a container that runs. */
import type { Engine } from '../../src/engine/engine.ts';
import { createExec, startExec } from '../../src/engine/exec.ts';
import { textOf } from './engine.ts';

export async function execInContainer(engine: Engine, id: string, cmd: readonly string[]): Promise<string> {
  const exec = await createExec(engine, id, {
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    tty: false,
    env: [],
    cmd: [...cmd],
    privileged: false,
    user: '',
    workingDir: '',
  });
  const session = await startExec(engine, exec, { detach: false, tty: false });
  return session === undefined ? '' : await textOf(session.output);
}
