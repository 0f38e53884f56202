/** The commands of volumes, and undoing removals. */
import type { CommandEntry } from './command-entry.ts';

export const volumeCommands: readonly CommandEntry[] = [
  {
    names: ['volume create'],
    summary: 'Create a volume',
    load: async () => (await import('./commands/volume/create.ts')).create,
  },
  {
    names: ['volume inspect'],
    summary: 'Display detailed information on one or more volumes',
    load: async () => (await import('./commands/volume/inspect.ts')).inspect,
  },
  {
    names: ['volume ls', 'volume list'],
    summary: 'List volumes',
    load: async () => (await import('./commands/volume/ls.ts')).ls,
  },
  {
    names: ['volume export'],
    summary: "Export a volume's files as a tar archive",
    load: async () => (await import('./commands/volume/export.ts')).exportVolume,
  },
  {
    names: ['volume import'],
    summary: 'Make a volume of a tar archive',
    load: async () => (await import('./commands/volume/import.ts')).importVolume,
  },
  {
    names: ['volume clone'],
    summary: 'Make a volume with the files of another',
    load: async () => (await import('./commands/volume/clone.ts')).clone,
  },
  {
    names: ['volume rename'],
    summary: 'Rename a volume',
    load: async () => (await import('./commands/volume/rename.ts')).rename,
  },
  {
    names: ['volume protect'],
    summary: 'Keep one or more volumes from being removed',
    load: async () => (await import('./commands/volume/protect.ts')).protect,
  },
  {
    names: ['volume unprotect'],
    summary: 'Let one or more volumes be removed again',
    load: async () => (await import('./commands/volume/unprotect.ts')).unprotect,
  },
  {
    names: ['undo'],
    summary: 'Restore containers and volumes that were removed',
    load: async () => (await import('./commands/volume/undo.ts')).undo,
  },
  {
    names: ['volume prune'],
    summary: 'Remove unused local volumes',
    load: async () => (await import('./commands/volume/prune.ts')).prune,
  },
  {
    names: ['volume rm', 'volume remove'],
    summary: 'Remove one or more volumes',
    load: async () => (await import('./commands/volume/rm.ts')).rm,
  },
];
