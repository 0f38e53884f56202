/** The processes that were started in containers beside their own, in memory: exec-file.ts has what the next daemon needs of them. */
import { EngineError } from '../errors/engine-error.ts';
import type { SupervisedProcess } from '../runtime/runtime-types.ts';
import { Deferred } from '../util/deferred.ts';
import type { ExecRecord } from './model.ts';

export interface Exec {
  record: ExecRecord;
  /** Present while it runs. */
  process?: SupervisedProcess;
  /** Settles when its process runs, or could not be started. */
  readonly started: Deferred<void>;
  /** Starting, running or ended: an exec is started once. */
  used: boolean;
  /** Of a health check. */
  readonly probe: boolean;
}

export function noSuchExec(id: string): EngineError {
  return new EngineError('not-found', `No such exec instance: ${id}`);
}

export class ExecTable {
  readonly #byId = new Map<string, Exec>();

  add(record: ExecRecord, options: { probe?: boolean; used?: boolean } = {}): Exec {
    const { used = false, probe = false } = options;
    const exec: Exec = { record, used, probe, started: new Deferred() };
    if (used) exec.started.resolve();
    this.#byId.set(record.id, exec);
    return exec;
  }

  get(id: string): Exec | undefined {
    return this.#byId.get(id);
  }

  /** By ID. EngineError `not-found` "No such exec instance: X". */
  resolve(id: string): Exec {
    const exec = this.#byId.get(id);
    if (exec !== undefined) return exec;
    throw noSuchExec(id);
  }

  list(): Exec[] {
    return [...this.#byId.values()];
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }
}
