/** Reads from keys which generations of a blob or a manifest there are, and which of them may be relied on. */
import { decodeNumber } from './keys.ts';

/** A generation that a collection is about to delete. */
export interface Doom {
  key: string;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface Generation {
  id: string;
  /** Key of what says that it is held. */
  key: string;
  /** Milliseconds since the epoch: held, or used since. */
  usedAt: number;
  heldAt: number;
  /** Bytes; 0 for manifests. */
  size: number;
  dooms: Doom[];
  /** Keys of notes of use. */
  uses: string[];
}

/** What one list said of one digest. */
export interface Generations {
  /** Newest first, doomed ones too. */
  all: Generation[];
  /** Milliseconds since the epoch, 0 for never; manifests only. */
  pulledAt: number;
  /** Notes of pulls, of use, and of doom, whose generation is gone. */
  stray: string[];
}

/** Where a collection died between doom and deletion, its word counts no more after this time. */
export const doomLifetime = 30 * 60_000;
/** A collection that took longer between the two gives up: far less than `doomLifetime`, so that the two can't meet. */
export const doomDeadline = 2 * 60_000;

const byAge = (a: Generation, b: Generation): number => b.heldAt - a.heldAt || (a.id < b.id ? 1 : -1);

/** `entries` are keys with what stands behind the `!`, split by dots. */
export function readGenerations(entries: Iterable<{ key: string; fields: string[] }>): Generations {
  const held = new Map<string, Generation>();
  const others: Array<{ key: string; fields: string[] }> = [];
  for (const entry of entries) {
    const [kind, id, time, size] = entry.fields;
    if (kind !== 'held' || id === undefined) {
      others.push(entry);
      continue;
    }
    const heldAt = decodeNumber(time);
    const generation = { id, key: entry.key, usedAt: heldAt, heldAt, size: decodeNumber(size) };
    held.set(id, { ...generation, dooms: [], uses: [] });
  }
  const stray: string[] = [];
  let pulledAt = 0;
  for (const { key, fields } of others) {
    const [kind, id = ''] = fields;
    const generation = held.get(id);
    if (kind === 'pulled') pulledAt = Math.max(pulledAt, decodeNumber(id));
    if (kind === 'pulled' ? held.size === 0 : generation === undefined) stray.push(key);
    if (generation === undefined) continue;
    if (kind === 'doomed') generation.dooms.push({ key, at: decodeNumber(fields[3]) });
    if (kind !== 'used') continue;
    generation.uses.push(key);
    generation.usedAt = Math.max(generation.usedAt, decodeNumber(fields[2]));
  }
  return { all: [...held.values()].sort(byAge), pulledAt, stray };
}

export function isDoomed(generation: Generation, now: number): boolean {
  return generation.dooms.some(({ at }) => now - at < doomLifetime);
}

/** Those that nobody is about to delete, newest first. */
export function liveOf(generations: Generations, now: number): Generation[] {
  return generations.all.filter((generation) => !isDoomed(generation, now));
}

/** What stands behind the `!` of a key. */
export function fieldsOf(key: string): string[] {
  return key.slice(key.lastIndexOf('!') + 1).split('.');
}
