/** Execs that an earlier daemon left in a container: those that run are followed again, those that ended are known for a while. */
import { Deferred } from '../util/deferred.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { readExecFiles, removeExecFile, type StoredExec } from './exec-file.ts';
import { noteExecEnd, watchExec } from './exec-launch.ts';

const sigkill = 9;
/** Of an exec whose shim was killed. */
const killedCode = 137;

/** Call it before leftover shims are swept away. Nobody is attached to these execs any more. */
export async function restoreExecs(engine: Engine, container: Container): Promise<void> {
  for (const stored of await readExecFiles(engine, container.id))
    await restoreExec(engine, container, stored);
}

async function restoreExec(engine: Engine, container: Container, stored: StoredExec): Promise<void> {
  const { record, probe } = stored;
  const process = await engine.runtime.adopt(container.id, record.id);
  if (probe) {
    await process?.kill(sigkill).catch(() => undefined);
    await removeExecFile(engine, record);
    return;
  }
  const exec = engine.execs.add(record, { used: true });
  if (process !== undefined) {
    exec.process = process;
    container.execIds.add(record.id);
    watchExec(engine, container, exec, process, new Deferred<void>());
    return;
  }
  const status = record.running ? await engine.runtime.exitStatus(record.id) : undefined;
  noteExecEnd(engine, container, exec, status?.exitCode ?? record.exitCode ?? killedCode);
}
