/** The views of containers (docs/shim-protocol.md) that a daemon holds open. */
import { readdirSync, readFileSync } from 'node:fs';

interface Process {
  pid: number;
  parent: number;
  name: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [, comm = '', parent = ''] = /\((.*)\) \S (\d+)/s.exec(text) ?? [];
        return [{ pid: Number(name), parent: Number(parent), name: comm }];
      } catch {
        return [];
      }
    });
}

/** Of the daemon with that pid. */
export function countViews(daemonPid: number): number {
  const all = processes();
  const launchers = new Set(all.filter(({ parent }) => parent === daemonPid).map(({ pid }) => pid));
  return all.filter(({ parent, name }) => name === 'gantry-view' && launchers.has(parent)).length;
}

/** Resolves once there is none, for which it waits 5 seconds. Gives how many there are then. */
export async function viewsLeft(daemonPid: number): Promise<number> {
  for (let waited = 0; waited < 5000 && countViews(daemonPid) > 0; waited += 50)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return countViews(daemonPid);
}
