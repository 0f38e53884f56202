/** The variables by which a container knows another that it is linked to (`--link`), as Docker has named them since its beginnings. Pure. */
import type { ContainerPort } from './ports.ts';

export interface LinkFacts {
  /** Of the container that has the link. */
  parent: string;
  alias: string;
  address: string;
  /** What the linked container exposes. */
  ports: readonly ContainerPort[];
  /** Its variables, `NAME=VALUE`. */
  env: readonly string[];
}

/** `DB_PORT=tcp://10.0.0.2:5432`, `DB_NAME=/web/db`, `DB_ENV_MODE=x` and so on. */
export function linkVariables({ parent, alias, address, ports, env }: LinkFacts): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const sorted = [...ports].sort(inOrder);
  const [first] = sorted;
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${urlOf(address, first)}`]),
    ...sorted.flatMap((port) => portVariables(prefix, address, port)),
    ...runsOf(sorted).flatMap((run) => runVariables(prefix, address, run)),
    `${prefix}_NAME=/${parent}/${alias}`,
    ...env.flatMap((entry) => variableOf(prefix, entry)),
  ];
}

/** TCP first, then by number. */
function inOrder(one: ContainerPort, other: ContainerPort): number {
  if (one.protocol === other.protocol) return one.port - other.port;
  if (one.protocol === 'tcp') return -1;
  return other.protocol === 'tcp' ? 1 : one.protocol.localeCompare(other.protocol);
}

function urlOf(address: string, { port, protocol }: ContainerPort): string {
  return `${protocol}://${address}:${port}`;
}

function nameOf(prefix: string, { port, protocol }: ContainerPort): string {
  return `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
}

function portVariables(prefix: string, address: string, port: ContainerPort): string[] {
  const name = nameOf(prefix, port);
  return [
    `${name}=${urlOf(address, port)}`,
    `${name}_ADDR=${address}`,
    `${name}_PORT=${port.port}`,
    `${name}_PROTO=${port.protocol}`,
  ];
}

/** Neighbouring ports of one protocol, two or more. */
function runsOf(ports: readonly ContainerPort[]): Array<[first: ContainerPort, last: ContainerPort]> {
  const runs: Array<[ContainerPort, ContainerPort]> = [];
  for (const port of ports) {
    const current = runs.at(-1);
    const last = current?.[1];
    const follows = last !== undefined && last.protocol === port.protocol && last.port + 1 === port.port;
    if (current !== undefined && follows) current[1] = port;
    else runs.push([port, port]);
  }
  return runs.filter(([first, last]) => first !== last);
}

function runVariables(
  prefix: string,
  address: string,
  [first, last]: [first: ContainerPort, last: ContainerPort],
): string[] {
  const name = nameOf(prefix, first);
  return [
    `${name}_START=${urlOf(address, first)}`,
    `${name}_PORT_START=${first.port}`,
    `${name}_END=${urlOf(address, last)}`,
    `${name}_PORT_END=${last.port}`,
  ];
}

/** HOME and PATH are its own business. */
function variableOf(prefix: string, entry: string): string[] {
  const at = entry.indexOf('=');
  const name = entry.slice(0, Math.max(at, 0));
  return at < 0 || name === 'HOME' || name === 'PATH' ? [] : [`${prefix}_ENV_${entry}`];
}
