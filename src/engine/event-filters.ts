/** Which events a subscriber wants, by Docker's filters of `events`. */
import {
  type Filters,
  filterValues,
  matchesExactly,
  matchesLabels,
  matchesPrefix,
  validateFilters,
} from './filters.ts';
import type { EngineEvent } from './model.ts';

const known = new Set(
  'config container daemon event image label network node plugin scope secret service type volume'.split(' '),
);

export type EventFilter = (event: EngineEvent) => boolean;

/** EngineError `invalid-argument` for an unknown filter. `daemon` is what filters call this daemon: its ID and its name. */
export function eventFilter(filters: Filters, daemon: readonly string[] = []): EventFilter {
  validateFilters(filters, known);
  if (filters.size === 0) return () => true;
  return (event) =>
    matchesAction(filters, event.action) &&
    matchesExactly(filters, 'type', event.type) &&
    matchesExactly(filters, 'scope', 'local') &&
    matchesDaemon(filters, event, daemon) &&
    ['container', 'plugin', 'volume', 'network'].every((name) => matchesObject(filters, name, event)) &&
    ['node', 'service', 'secret', 'config'].every((name) => filterValues(filters, name).length === 0) &&
    matchesImage(filters, event) &&
    matchesLabels(filterValues(filters, 'label'), event.attributes);
}

/** `exec_start` stands for `exec_start: ls -l`, `health_status` for `health_status: healthy`. */
function matchesAction(filters: Filters, action: string): boolean {
  return matchesExactly(filters, 'event', action, action.split(':', 1)[0] ?? action);
}

function matchesDaemon(filters: Filters, event: EngineEvent, daemon: readonly string[]): boolean {
  return matchesPrefix(filters, 'daemon', ...daemon, ...(event.type === 'daemon' ? namesOf(event) : []));
}

/** By whom the event is of, as in Docker: a network's `connect` is the network's own, though it names a container. */
function matchesObject(filters: Filters, type: string, event: EngineEvent): boolean {
  return matchesPrefix(filters, type, ...(event.type === type ? namesOf(event) : []));
}

function namesOf(event: EngineEvent): string[] {
  const name = event.attributes['name'];
  return name === undefined ? [event.actorId] : [event.actorId, name];
}

/** An image's own events, and those of containers made from it; with or without its tag. */
function matchesImage(filters: Filters, event: EngineEvent): boolean {
  const name = event.attributes[event.type === 'image' ? 'name' : 'image'] ?? '';
  const id = event.type === 'image' ? event.actorId : '';
  return matchesExactly(
    filters,
    'image',
    ...[id, name, withoutTag(id), withoutTag(name)].filter((one) => one !== ''),
  );
}

/** `host:5000/a/b:tag` without its tag, `a@sha256:…` without its digest. */
function withoutTag(reference: string): string {
  const name = reference.split('@', 1)[0] ?? reference;
  return name.replace(/:[^/:]*$/, '');
}
