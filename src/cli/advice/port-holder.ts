/** Which process of this host listens on a port, as far as /proc shows it to this user. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';
const unconnected = '07';

export interface PortHolder {
  pid: number;
  /** Of its command line. */
  program: string;
}

/** Undefined where nobody does, or nobody that may be looked at. */
export function portHolder(port: number, proc = '/proc'): PortHolder | undefined {
  const inodes = new Set(
    ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) => inodesOf(`${proc}/net/${table}`, port)),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of entries(proc).filter((name) => /^\d+$/.test(name))) {
    if (!entries(`${proc}/${pid}/fd`).some((fd) => inodes.has(inodeOf(`${proc}/${pid}/fd/${fd}`)))) continue;
    return { pid: Number(pid), program: programOf(`${proc}/${pid}/cmdline`) };
  }
  return undefined;
}

/** Lines of proc_pid_net(5): `  0: 0100007F:1F90 00000000:0000 0A … uid timeout inode`. */
function inodesOf(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readText(table)
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
      return local.endsWith(wanted) && (state === listening || state === unconnected) ? [inode] : [];
    });
}

function inodeOf(path: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? '';
  } catch {
    return '';
  }
}

function programOf(path: string): string {
  return readText(path).split('\0').filter(Boolean).slice(0, 3).join(' ');
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
