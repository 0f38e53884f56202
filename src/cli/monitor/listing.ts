/** The monitor's list: which containers it shows, in which order. */
import type { ContainerSummary } from '../../wire/container.ts';
import type { Figures } from './figures.ts';

export interface Monitored {
  summary: ContainerSummary;
  /** Undefined before the first sample, and for what does not run. */
  figures: Figures | undefined;
}

export const sortKeys = ['cpu', 'memory', 'network', 'disk', 'name', 'age'] as const;

export type SortKey = (typeof sortKeys)[number];

export function isSortKey(text: string): text is SortKey {
  return sortKeys.some((key) => key === text);
}

/** Without its slash. */
export function nameOf({ summary }: Monitored): string {
  return (summary.Names[0] ?? summary.Id.slice(0, 12)).replace(/^\//, '');
}

/** `healthy`, `unhealthy`, `starting`, or '' without a health check. */
export function healthOf({ Status }: ContainerSummary): string {
  return /\((?:health: )?(healthy|unhealthy|starting)\)/.exec(Status)?.[1] ?? '';
}

/** The containers whose name, image, state or ID has `needle`; what runs before what does not, then by `key`. */
export function arrange(
  all: Iterable<Monitored>,
  { needle, key, reverse }: { needle: string; key: SortKey; reverse: boolean },
): Monitored[] {
  const found = [...all].filter((one) => matches(one, needle.toLowerCase()));
  const sign = reverse ? -1 : 1;
  return found.sort(
    (left, right) =>
      runs(right) - runs(left) || sign * compare(left, right, key) || (nameOf(left) < nameOf(right) ? -1 : 1),
  );
}

function runs({ summary }: Monitored): number {
  return ['running', 'paused', 'restarting'].includes(summary.State) ? 1 : 0;
}

function matches(one: Monitored, needle: string): boolean {
  const { Id, Image, State, Status } = one.summary;
  return [nameOf(one), Id, Image, State, Status].some((text) => text.toLowerCase().includes(needle));
}

/** Most first; names from the first letter on. */
function compare(left: Monitored, right: Monitored, key: SortKey): number {
  if (key === 'name') return nameOf(left) < nameOf(right) ? -1 : nameOf(left) > nameOf(right) ? 1 : 0;
  if (key === 'age') return right.summary.Created - left.summary.Created;
  return amount(right.figures, key) - amount(left.figures, key);
}

function amount(figures: Figures | undefined, key: SortKey): number {
  if (figures === undefined) return -1;
  if (key === 'cpu') return figures.cpuPercent;
  if (key === 'memory') return figures.memory;
  if (key === 'network') return figures.receiveRate + figures.sendRate;
  return figures.readRate + figures.writeRate;
}
