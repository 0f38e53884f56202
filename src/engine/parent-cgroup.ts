/** The cgroup that the containers stand in: it goes when none has run for a moment, so that an idle engine holds none. */
import { cgroupsPathOf } from '../host/cgroups.ts';
import { removeIfEmpty } from '../host/cgroups-control.ts';
import type { Engine } from './engine.ts';
import { isActive } from './state.ts';

type ParentEngine = Pick<Engine, 'config' | 'containers' | 'host'>;

/** Long enough that a series of short runs keeps it, since making it anew costs each start a millisecond. */
const idleMs = 1000;
const timers = new WeakMap<ParentEngine, NodeJS.Timeout>();
/** How many others than containers use it: builds. */
const holders = new WeakMap<ParentEngine, number>();

/** It stays until the returned function is called. */
export function holdParentCgroup(engine: ParentEngine): () => void {
  holders.set(engine, (holders.get(engine) ?? 0) + 1);
  return () => {
    holders.set(engine, (holders.get(engine) ?? 1) - 1);
    sweepParentCgroupSoon(engine);
  };
}

/** Call when a run has been given back, or has failed. */
export function sweepParentCgroupSoon(engine: ParentEngine): void {
  clearTimeout(timers.get(engine));
  const timer = setTimeout(() => sweepParentCgroup(engine), idleMs);
  timers.set(engine, timer.unref());
}

/** Synchronous: between the look and the removal no start can begin. */
export function sweepParentCgroup(engine: ParentEngine): void {
  clearTimeout(timers.get(engine));
  const { cgroupDriver: driver, cgroupParent: parent } = engine.config;
  /* systemd removes its slices by itself. */
  if (driver === 'systemd' || (holders.get(engine) ?? 0) > 0) return;
  const idle = engine.containers.list().every(({ lock, state }) => !lock.held && !isActive(state));
  if (idle) removeIfEmpty(engine.host.cgroups, cgroupsPathOf({ driver, parent, id: '' }));
}
