/** What a command may know of the other commands: their names and flags, for completion. */
import type { FlagSet } from './flags/flag.ts';

export interface CatalogueEntry {
  /** Full names, the main one first. */
  names: readonly string[];
  summary: string;
  /** Loads the command. */
  flags: () => Promise<FlagSet>;
}

export interface Catalogue {
  entries: readonly CatalogueEntry[];
  groups: ReadonlyArray<{ name: string; summary: string }>;
}
