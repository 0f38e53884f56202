/** What the host holds of a test's daemon: taken before and after, equal where nothing leaked. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';

export interface HostSnapshot {
  mounts: string[];
  links: string[];
  tables: string[];
  cgroups: string[];
  processes: string[];
}

function mountsBelow(words: readonly string[]): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => words.some((word) => line.includes(word)));
}

function linksNow(): string[] {
  return readdirSync('/sys/class/net').filter((name) => name !== 'bonding_masters');
}

/** Processes whose command line or working root names one of the words. */
function processesNaming(words: readonly string[]): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return words.some((word) => command.includes(word)) ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}

/** The directories of a cgroup and of those in it, in all hierarchies. */
function cgroupsNamed(parent: string): string[] {
  return ['/sys/fs/cgroup', '/sys/fs/cgroup/*']
    .flatMap((root) => globSync(`${root}${parent}{,/*}`))
    .filter((path) => existsSync(`${path}/cgroup.procs`));
}

/** What is there now of the daemon whose root, cgroup parent, bridge and nft table are named. */
export function hostSnapshot(names: { root: string; cgroupParent: string }): HostSnapshot {
  return {
    mounts: mountsBelow([names.root]),
    links: linksNow(),
    tables: execFileSync('nft', ['list', 'tables']).toString().split('\n').filter(Boolean),
    cgroups: cgroupsNamed(names.cgroupParent),
    processes: processesNaming([names.root]),
  };
}
