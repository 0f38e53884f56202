/** Why a socket may not be opened, or is not there: whose it is, who may join, and which daemons there are instead. */
import { readFileSync, type Stats, statSync } from 'node:fs';

/** Sockets of daemons that a host may have. */
const usual = ['/run/gantry.sock', '/var/run/docker.sock', '/run/podman/podman.sock'];

/** How to get into the group of the socket. */
export function accessAdvice(path: string): string[] {
  const stat = statOf(path);
  if (stat === undefined) return [];
  const username = ownName();
  const group = groupOf(stat.gid);
  if ((stat.mode & 0o060) !== 0o060 || stat.gid === 0)
    return [`Only root may use ${path}: try again with sudo.`];
  const name = group?.name ?? String(stat.gid);
  if (group?.members.includes(username) === true)
    return [
      `${username} is in the group ${name}, but this session began before: log in again, or run: newgrp ${name}`,
    ];
  return [`${path} is for the group ${name}: sudo usermod -aG ${name} ${username}, then log in again.`];
}

/** Whether the daemon has ended or never began, and where another one listens. */
export function absenceAdvice(path: string): string[] {
  const first = statOf(path)?.isSocket()
    ? [`${path} is left of a daemon that has ended.`]
    : [`There is no ${path}.`];
  const real = usual.filter((one) => one !== path && statOf(one)?.isSocket() === true);
  return [...first, ...real.map((one) => `Another daemon's socket is ${one}: gantry -H unix://${one} …`)];
}

/** As /etc/passwd has it. */
function ownName(): string {
  const uid = String(process.getuid?.() ?? '');
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find(([, , id]) => id === uid)?.[0] ?? uid;
  } catch {
    return uid;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function groupOf(gid: number): { name: string; members: string[] } | undefined {
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    const line = lines.map((one) => one.split(':')).find(([, , id]) => id === String(gid));
    return line === undefined ? undefined : { name: line[0] ?? '', members: (line[3] ?? '').split(',') };
  } catch {
    return undefined;
  }
}
