/** One row of the table of commands. */
import type { Command } from './command.ts';

export interface CommandEntry {
  /** Full names, the main one first: `container ls`, `container list`, `ps`. */
  names: readonly string[];
  summary: string;
  /** Stands under "Common Commands". */
  common?: boolean;
  /** Left out of the help of its group: for programs, not for people. */
  hidden?: boolean;
  load: () => Promise<Command>;
}
