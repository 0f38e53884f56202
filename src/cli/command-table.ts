/** Every command: its names, its summary, and how to load it. Commands are loaded one by one, so that each starts fast. */
import type { CommandEntry } from './command-entry.ts';
import { imageCommands, registryCommands } from './command-table-images.ts';
import { remoteCommands } from './command-table-remote.ts';
import { volumeCommands } from './command-table-volumes.ts';

export interface CommandGroup {
  name: string;
  summary: string;
}

export const groups: readonly CommandGroup[] = [
  { name: 'builder', summary: 'Manage builds' },
  { name: 'checkpoint', summary: 'Manage checkpoints' },
  { name: 'container', summary: 'Manage containers' },
  { name: 'context', summary: 'Manage contexts' },
  { name: 'image', summary: 'Manage images' },
  { name: 'manifest', summary: 'Manage image manifests and manifest lists' },
  { name: 'network', summary: 'Manage networks' },
  { name: 'socket', summary: 'Manage scoped sockets' },
  { name: 'system', summary: 'Manage Gantry' },
  { name: 'volume', summary: 'Manage volumes' },
];

const containerCommands: readonly CommandEntry[] = [
  {
    names: ['container run', 'run'],
    summary: 'Create and run a new container from an image',
    common: true,
    load: async () => (await import('./commands/container/run.ts')).run,
  },
  {
    names: ['container exec', 'exec'],
    summary: 'Execute a command in a running container',
    common: true,
    load: async () => (await import('./commands/container/exec.ts')).exec,
  },
  {
    names: ['container ls', 'container list', 'container ps', 'ps'],
    summary: 'List containers',
    common: true,
    load: async () => (await import('./commands/container/ls.ts')).ls,
  },
  {
    names: ['container attach', 'attach'],
    summary: 'Attach local standard input, output, and error streams to a running container',
    load: async () => (await import('./commands/container/attach.ts')).attach,
  },
  {
    names: ['container commit', 'commit'],
    summary: "Create a new image from a container's changes",
    load: async () => (await import('./commands/container/commit.ts')).commit,
  },
  {
    names: ['container cp', 'cp'],
    summary: 'Copy files/folders between a container and the local filesystem',
    load: async () => (await import('./commands/container/cp.ts')).cp,
  },
  {
    names: ['container create', 'create'],
    summary: 'Create a new container',
    load: async () => (await import('./commands/container/create.ts')).create,
  },
  {
    names: ['container diff', 'diff'],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import('./commands/container/diff.ts')).diff,
  },
  {
    names: ['container export', 'export'],
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import('./commands/container/export.ts')).exportContainer,
  },
  {
    names: ['container inspect'],
    summary: 'Display detailed information on one or more containers',
    load: async () => (await import('./commands/container/inspect.ts')).inspect,
  },
  {
    names: ['container kill', 'kill'],
    summary: 'Kill one or more running containers',
    load: async () => (await import('./commands/container/kill.ts')).kill,
  },
  {
    names: ['container logs', 'logs'],
    summary: 'Fetch the logs of a container',
    load: async () => (await import('./commands/container/logs.ts')).logs,
  },
  {
    names: ['container pause', 'pause'],
    summary: 'Pause all processes within one or more containers',
    load: async () => (await import('./commands/container/pause.ts')).pause,
  },
  {
    names: ['container port', 'port'],
    summary: 'List port mappings or a specific mapping for the container',
    load: async () => (await import('./commands/container/port.ts')).port,
  },
  {
    names: ['container prune'],
    summary: 'Remove all stopped containers',
    load: async () => (await import('./commands/container/prune.ts')).prune,
  },
  {
    names: ['container rename', 'rename'],
    summary: 'Rename a container',
    load: async () => (await import('./commands/container/rename.ts')).rename,
  },
  {
    names: ['container restart', 'restart'],
    summary: 'Restart one or more containers',
    load: async () => (await import('./commands/container/restart.ts')).restart,
  },
  {
    names: ['container rm', 'container remove', 'rm'],
    summary: 'Remove one or more containers',
    load: async () => (await import('./commands/container/rm.ts')).rm,
  },
  {
    names: ['container start', 'start'],
    summary: 'Start one or more stopped containers',
    load: async () => (await import('./commands/container/start.ts')).start,
  },
  {
    names: ['container stats', 'stats'],
    summary: 'Display a live stream of container(s) resource usage statistics',
    load: async () => (await import('./commands/container/stats.ts')).stats,
  },
  {
    names: ['container stop', 'stop'],
    summary: 'Stop one or more running containers',
    load: async () => (await import('./commands/container/stop.ts')).stop,
  },
  {
    names: ['container top', 'top'],
    summary: 'Display the running processes of a container',
    load: async () => (await import('./commands/container/top.ts')).top,
  },
  {
    names: ['container unpause', 'unpause'],
    summary: 'Unpause all processes within one or more containers',
    load: async () => (await import('./commands/container/unpause.ts')).unpause,
  },
  {
    names: ['container update', 'update'],
    summary: 'Update configuration of one or more containers',
    load: async () => (await import('./commands/container/update.ts')).update,
  },
  {
    names: ['container wait', 'wait'],
    summary: 'Block until one or more containers stop, then print their exit codes',
    load: async () => (await import('./commands/container/wait.ts')).wait,
  },
];

const otherCommands: readonly CommandEntry[] = [
  {
    names: ['network connect'],
    summary: 'Connect a container to a network',
    load: async () => (await import('./commands/network/connect.ts')).connect,
  },
  {
    names: ['network create'],
    summary: 'Create a network',
    load: async () => (await import('./commands/network/create.ts')).create,
  },
  {
    names: ['network disconnect'],
    summary: 'Disconnect a container from a network',
    load: async () => (await import('./commands/network/disconnect.ts')).disconnect,
  },
  {
    names: ['network inspect'],
    summary: 'Display detailed information on one or more networks',
    load: async () => (await import('./commands/network/inspect.ts')).inspect,
  },
  {
    names: ['network ls', 'network list'],
    summary: 'List networks',
    load: async () => (await import('./commands/network/ls.ts')).ls,
  },
  {
    names: ['network prune'],
    summary: 'Remove all unused networks',
    load: async () => (await import('./commands/network/prune.ts')).prune,
  },
  {
    names: ['network rm', 'network remove'],
    summary: 'Remove one or more networks',
    load: async () => (await import('./commands/network/rm.ts')).rm,
  },
  {
    names: ['checkpoint create'],
    summary: 'Create a checkpoint from a running container',
    load: async () => (await import('./commands/checkpoint/create.ts')).create,
  },
  {
    names: ['checkpoint ls', 'checkpoint list'],
    summary: 'List checkpoints for a container',
    load: async () => (await import('./commands/checkpoint/ls.ts')).ls,
  },
  {
    names: ['checkpoint rm', 'checkpoint remove'],
    summary: 'Remove a checkpoint',
    load: async () => (await import('./commands/checkpoint/rm.ts')).rm,
  },
  ...volumeCommands,
  {
    names: ['system df'],
    summary: 'Show disk usage',
    load: async () => (await import('./commands/system/df.ts')).df,
  },
  {
    names: ['system prune'],
    summary: 'Remove unused data',
    load: async () => (await import('./commands/system/prune.ts')).prune,
  },
  {
    names: ['system events', 'events'],
    summary: 'Get real time events from the server',
    load: async () => (await import('./commands/system/events.ts')).events,
  },
  {
    names: ['version'],
    summary: 'Show the Gantry version information',
    common: true,
    load: async () => (await import('./commands/system/version.ts')).version,
  },
  {
    names: ['system info', 'info'],
    summary: 'Display system-wide information',
    common: true,
    load: async () => (await import('./commands/system/info.ts')).info,
  },
  {
    names: ['inspect'],
    summary: 'Return low-level information on Gantry objects',
    load: async () => (await import('./commands/system/inspect.ts')).inspect,
  },
  {
    names: ['monitor'],
    summary: 'Watch all containers in the terminal, and act on them',
    common: true,
    load: async () => (await import('./commands/system/monitor.ts')).monitor,
  },
  {
    names: ['completion'],
    summary: 'Print a script that completes commands and flags in bash, zsh or fish',
    load: async () => (await import('./commands/system/completion.ts')).completion,
  },
];

export const commands: readonly CommandEntry[] = [
  ...containerCommands,
  ...imageCommands,
  ...registryCommands,
  ...remoteCommands,
  ...otherCommands,
];

/** The entry of a full name such as `ps` or `container ls`. */
export function findCommand(name: string): CommandEntry | undefined {
  return commands.find((entry) => entry.names.includes(name));
}
