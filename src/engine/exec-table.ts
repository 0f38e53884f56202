/** The processes that were started in containers beside their own, in memory: exec-file.ts has what the next daemon needs of them. */
import { EngineError } from '../errors/engine-error.ts';
import type { SupervisedProcess } from '../runtime/runtime-types.ts';
import type { ExecRecord } from './model.ts';

export interface Exec {
  record: ExecRecord;
  /** Present while it runs. */
  process?: SupervisedProcess;
  /** Starting, running or ended: an exec is started once. */
  used: boolean;
  /** Of a health check. */
  readonly probe: boolean;
}

export class ExecTable {
  readonly #byId = new Map<string, Exec>();

  add(record: ExecRecord, options: { probe?: boolean; used?: boolean } = {}): Exec {
    const exec: Exec = { record, used: options.used ?? false, probe: options.probe ?? false };
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
    throw new EngineError('not-found', `No such exec instance: ${id}`);
  }

  list(): Exec[] {
    return [...this.#byId.values()];
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }
}
