/** The commands of contexts, scoped sockets and connections from afar. */
import type { CommandEntry } from './command-entry.ts';

export const remoteCommands: readonly CommandEntry[] = [
  {
    names: ['context create'],
    summary: 'Create a context',
    load: async () => (await import('./commands/context/create.ts')).create,
  },
  {
    names: ['context export'],
    summary: 'Export a context to a tar archive FILE or a tar stream on STDOUT.',
    load: async () => (await import('./commands/context/export.ts')).exportContext,
  },
  {
    names: ['context import'],
    summary: 'Import a context from a tar or zip file',
    load: async () => (await import('./commands/context/import.ts')).importContext,
  },
  {
    names: ['context inspect'],
    summary: 'Display detailed information on one or more contexts',
    load: async () => (await import('./commands/context/inspect.ts')).inspect,
  },
  {
    names: ['context ls', 'context list'],
    summary: 'List contexts',
    load: async () => (await import('./commands/context/ls.ts')).ls,
  },
  {
    names: ['context rm', 'context remove'],
    summary: 'Remove one or more contexts',
    load: async () => (await import('./commands/context/rm.ts')).rm,
  },
  {
    names: ['context show'],
    summary: 'Print the name of the current context',
    load: async () => (await import('./commands/context/show.ts')).show,
  },
  {
    names: ['context update'],
    summary: 'Update a context',
    load: async () => (await import('./commands/context/update.ts')).update,
  },
  {
    names: ['context use'],
    summary: 'Set the current context',
    load: async () => (await import('./commands/context/use.ts')).use,
  },
  {
    names: ['socket create'],
    summary: 'Create a socket for a tool that may do only some things',
    load: async () => (await import('./commands/socket/create.ts')).create,
  },
  {
    names: ['socket inspect'],
    summary: 'Display detailed information on one or more scoped sockets',
    load: async () => (await import('./commands/socket/inspect.ts')).inspect,
  },
  {
    names: ['socket ls', 'socket list'],
    summary: 'List scoped sockets',
    load: async () => (await import('./commands/socket/ls.ts')).ls,
  },
  {
    names: ['socket rm', 'socket remove'],
    summary: 'Remove one or more scoped sockets',
    load: async () => (await import('./commands/socket/rm.ts')).rm,
  },
  {
    names: ['system dial-stdio'],
    summary: 'Proxy the stdio stream to the daemon connection. Should not be invoked manually.',
    hidden: true,
    load: async () => (await import('./commands/system/dial-stdio.ts')).dialStdio,
  },
];
