/** Samples a container's counters once a second while somebody watches; all who watch share it. */
import { totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { isEngineError } from '../../errors/engine-error.ts';
import { readCgroupStats } from '../../host/cgroup-stats.ts';
import { type InterfaceCounters, readHostCpu, readInterfaces } from '../../host/host-counters.ts';
import { Waiters } from '../../util/waiters.ts';
import { cgroupsPath } from '../container-spec.ts';
import type { Container } from '../container-table.ts';
import type { Engine } from '../engine.ts';
import { joinedContainer } from '../spec/modes.ts';
import { hasProcess } from '../state.ts';
import type { StatsReport, StatsSample } from './stats-report.ts';

const intervalMs = 1000;

export class StatsSampler {
  readonly #engine: Engine;
  readonly #container: Container;
  readonly #reports = new Waiters<StatsReport>();
  #watching = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSampling = false;
  #previous: StatsSample | undefined;

  constructor(engine: Engine, container: Container) {
    this.#engine = engine;
    this.#container = container;
  }

  /** One more watches, until the function that it is given is called. */
  enter(): () => void {
    this.#watching += 1;
    if (this.#timer === undefined && !this.#isSampling) this.#schedule(0);
    return () => {
      this.#watching -= 1;
      if (this.#watching > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#previous = undefined;
    };
  }

  /** The next report; undefined once `signal` aborts. */
  async next(signal: AbortSignal): Promise<StatsReport | undefined> {
    try {
      return await this.#reports.wait(signal);
    } catch (error) {
      if (isEngineError(error, 'cancelled')) return undefined;
      throw error;
    }
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#tick();
    }, delayMs);
  }

  async #tick(): Promise<void> {
    const began = performance.now();
    this.#isSampling = true;
    const sample = await takeSample(this.#engine, this.#container).catch((err: unknown) => {
      this.#engine.log.warn(
        { err, container: this.#container.id },
        'could not read the counters of a container',
      );
      return undefined;
    });
    this.#isSampling = false;
    const { id, name } = this.#container;
    this.#reports.notify({ id, name, sample, previous: this.#previous });
    this.#previous = sample;
    if (this.#watching === 0) this.#previous = undefined;
    else if (this.#timer === undefined) this.#schedule(Math.max(0, intervalMs - (performance.now() - began)));
  }
}

/** Undefined where it does not run. */
export async function takeSample(engine: Engine, container: Container): Promise<StatsSample | undefined> {
  const { record, state } = container;
  if (!hasProcess(state)) return undefined;
  const [cgroup, hostCpu, interfaces] = await Promise.all([
    readCgroupStats(engine.host.cgroups, cgroupsPath(engine, record)),
    readHostCpu(),
    interfacesOf(engine, container),
  ]);
  if (cgroup === undefined) return undefined;
  const memoryLimit = Math.min(cgroup.memory.limit, totalmem());
  return { readAt: performance.timeOrigin + performance.now(), cgroup, hostCpu, memoryLimit, interfaces };
}

/** The shim is in the container's network namespace; one that joined another's counts that one's. */
async function interfacesOf(
  engine: Engine,
  container: Container,
): Promise<ReadonlyMap<string, InterfaceCounters> | undefined> {
  const { networkMode } = container.record.hostConfig;
  if (networkMode === 'host') return undefined;
  const ref = joinedContainer(networkMode);
  const holder = ref === undefined ? container : engine.containers.find(ref);
  const shimPid = holder?.process?.shimPid;
  return shimPid === undefined ? undefined : readInterfaces(shimPid);
}
