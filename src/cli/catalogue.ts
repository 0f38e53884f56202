/** What a command may know of the other commands: their names and flags, for completion. */
import type { FlagSet } from './flags/flag.ts';

export interface CatalogueEntry {
  /** Full names, the main one first. */
  names: readonly string[];
  summary: string;
  /** For programs, not for people. */
  hidden?: boolean;
  /** Loads the command. `interspersed` is false where nothing after the first argument is a flag. */
  command: () => Promise<{ flags: FlagSet; interspersed: boolean }>;
}

export interface Catalogue {
  entries: readonly CatalogueEntry[];
  groups: ReadonlyArray<{ name: string; summary: string }>;
}
