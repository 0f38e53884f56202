/** `--ulimit`: resource limits of a process, as far as this host lets them be raised. */
import { EngineError } from '../../errors/engine-error.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { SpecRlimit } from '../../oci/runtime-spec.ts';
import type { Ulimit } from '../model.ts';

/** getrlimit(2) without RLIMIT_ and in small letters; Docker knows no others. */
const names =
  'as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  );

/** A container's own limits over the daemon's defaults of the same name. -1 is no limit: Infinity. */
export function mergeUlimits(own: readonly Ulimit[], defaults: readonly Ulimit[]): Ulimit[] {
  const merged = new Map<string, Ulimit>();
  for (const limit of [...defaults, ...own]) merged.set(limit.name, limit);
  return [...merged.values()].map(({ name, soft, hard }) => ({
    name,
    soft: orInfinite(soft),
    hard: orInfinite(hard),
  }));
}

function orInfinite(value: number): number {
  return value < 0 || value >= 2 ** 64 ? Number.POSITIVE_INFINITY : value;
}

/** EngineError `invalid-argument` in Docker's words where a name is unknown or the soft limit is above the hard one. */
export function checkUlimits(limits: readonly Ulimit[]): void {
  for (const { name, soft, hard } of mergeUlimits(limits, [])) {
    if (!names.includes(name))
      throw new EngineError('invalid-argument', `invalid ulimit type: ${name}`, {
        hint: `Known are ${names.join(', ')}.`,
      });
    if (soft > hard)
      throw new EngineError(
        'invalid-argument',
        `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
        { hint: 'Give --ulimit NAME=SOFT:HARD with SOFT at most HARD.' },
      );
  }
}

/** The highest hard limit that a child of the daemon can have. */
function ceilingOf(name: string, host: HostFacts): number {
  if (host.security.capabilities.has('CAP_SYS_RESOURCE')) return Number.POSITIVE_INFINITY;
  return host.hardLimits[name] ?? Number.POSITIVE_INFINITY;
}

/** What the process gets: without CAP_SYS_RESOURCE no hard limit can rise above the daemon's own. */
export function buildRlimits(limits: readonly Ulimit[], host: HostFacts): SpecRlimit[] {
  return limits.map(({ name, soft, hard }) => {
    const ceiling = ceilingOf(name, host);
    return {
      type: `RLIMIT_${name.toUpperCase()}`,
      soft: Math.min(soft, ceiling),
      hard: Math.min(hard, ceiling),
    };
  });
}

/** One warning for each limit that had to be lowered. */
export function ulimitWarnings(limits: readonly Ulimit[], host: HostFacts): string[] {
  return limits
    .filter(({ name, hard }) => hard > ceilingOf(name, host))
    .map(({ name, hard }) => {
      const asked = hard === Number.POSITIVE_INFINITY ? 'unlimited' : String(hard);
      return `The daemon may not raise hard limits (CAP_SYS_RESOURCE is missing): ulimit ${name} lowered from ${asked} to ${ceilingOf(name, host)}.`;
    });
}
