/** Links between containers on the default bridge (`--link NAME:ALIAS`): names in the hosts file, variables, and names in lists. */
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { linkVariables } from './link-variables.ts';
import type { ContainerRecord, HostConfig } from './model.ts';
import { containerPorts } from './ports.ts';

interface Link {
  /** ID, or name in records of old. */
  ref: string;
  alias: string;
}

/** Does the network mode mean the default bridge? Links on other networks are aliases there, and no business of this file. */
function onDefaultBridge({ networkMode }: Pick<HostConfig, 'networkMode'>): boolean {
  return networkMode === '' || networkMode === 'default' || networkMode === 'bridge';
}

/**
 * Links as they are kept, `ID:ALIAS`: the other may be renamed. EngineErrors `invalid-argument` in Docker's words for a format that is none, and for a
 * container that isn't there or has no address of its own.
 */
export function linksById(engine: Pick<Engine, 'containers'>, hostConfig: HostConfig): string[] {
  if (!onDefaultBridge(hostConfig)) return hostConfig.links;
  return hostConfig.links.map((text) => {
    const { ref, alias } = parseLink(text);
    const linked = linkedContainer(engine, ref);
    if (linked.record.hostConfig.networkMode === 'host') {
      throw new EngineError(
        'invalid-argument',
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    }
    return `${linked.id}:${alias}`;
  });
}

/** `NAME`, `NAME:ALIAS`, or as inspections show it: `/NAME:/PARENT/ALIAS`. */
export function parseLink(text: string): Link {
  const [ref = '', second, ...rest] = text.split(':');
  if (ref === '' || rest.length > 0) {
    throw new EngineError('invalid-argument', `bad format for links: ${text}`, {
      hint: 'write NAME or NAME:ALIAS',
    });
  }
  if (ref.startsWith('/') && second !== undefined)
    return { ref: ref.slice(1), alias: second.slice(second.lastIndexOf('/') + 1) };
  return { ref, alias: second === undefined || second === '' ? ref : second };
}

/** A 404 would tell clients that the image is missing. */
function linkedContainer(engine: Pick<Engine, 'containers'>, ref: string): Container {
  try {
    return engine.containers.resolve(ref);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
    throw new EngineError('invalid-argument', `could not get container for ${ref}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

interface LinkedContainer {
  alias: string;
  linked: Container;
}

/** The links of a container to others that are still there. */
function linksOf(engine: Pick<Engine, 'containers'>, record: ContainerRecord): LinkedContainer[] {
  if (!onDefaultBridge(record.hostConfig)) return [];
  return record.hostConfig.links.flatMap((text) => {
    const { ref, alias } = parseLink(text);
    const linked = engine.containers.find(ref);
    return linked === undefined ? [] : [{ alias, linked }];
  });
}

/** As inspections show them: `/NAME:/PARENT/ALIAS`. */
export function shownLinks(engine: Pick<Engine, 'containers'>, record: ContainerRecord): string[] {
  if (!onDefaultBridge(record.hostConfig)) return record.hostConfig.links;
  return linksOf(engine, record).map(({ alias, linked }) => `/${linked.name}:/${record.name}/${alias}`);
}

/** Names that others have for a container: `/PARENT/ALIAS`, by the container's ID. */
export function linkNames(engine: Pick<Engine, 'containers'>): ReadonlyMap<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { record } of engine.containers.list()) {
    if (record.hostConfig.links.length === 0) continue;
    for (const { alias, linked } of linksOf(engine, record)) {
      names.set(linked.id, [...(names.get(linked.id) ?? []), `/${record.name}/${alias}`]);
    }
  }
  return names;
}

type NetworkEngine = Pick<Engine, 'containers' | 'bridge'>;

/** `NAME:ADDRESS` for the hosts file: the alias, the hostname and the name of each. EngineError `conflict` in Docker's words where one doesn't run. */
export function linkedHosts(engine: NetworkEngine, record: ContainerRecord): string[] {
  return linksOf(engine, record).flatMap(({ alias, linked }) => {
    const address = engine.bridge.endpoint(linked.id)?.ipAddress;
    if (address === undefined) {
      throw new EngineError(
        'conflict',
        `Cannot link to a non running container: /${linked.name} AS /${record.name}/${alias}`,
        { hint: `start it first: start ${linked.name}` },
      );
    }
    const names = new Set([alias, linked.record.config.hostname, linked.name]);
    return [...names].map((name) => `${name}:${address}`);
  });
}

/** Variables of all links. Of those only that run: the start of a container with others fails before. */
export function linkEnvironment(engine: NetworkEngine, record: ContainerRecord): string[] {
  return linksOf(engine, record).flatMap(({ alias, linked }) => {
    const address = engine.bridge.endpoint(linked.id)?.ipAddress;
    if (address === undefined) return [];
    const { config } = linked.record;
    const ports = containerPorts(config.exposedPorts, { portBindings: {} });
    return linkVariables({ parent: record.name, alias, address, ports, env: config.env });
  });
}

/** Containers that run and have a link to this one: what they know of its address is old once it starts anew. */
export function linkingContainers(engine: Pick<Engine, 'containers'>, { id }: Container): Container[] {
  return engine.containers
    .list()
    .filter(
      (other) =>
        other.process !== undefined &&
        other.record.hostConfig.links.length > 0 &&
        linksOf(engine, other.record).some(({ linked }) => linked.id === id),
    );
}

/**
 * `rm --link PARENT/ALIAS`: takes the link away, and leaves both containers. Returns the parent. EngineErrors in Docker's words: `conflict` for a container's
 * own name, `not-found` for what is no link.
 */
export function removeLink(engine: Pick<Engine, 'containers'>, ref: string): Container {
  const path = ref.replace(/^\//, '');
  const at = path.lastIndexOf('/');
  if (at < 0) {
    engine.containers.resolve(path);
    throw new EngineError('conflict', 'Conflict, cannot remove the default link name of the container', {
      hint: 'name the link as PARENT/ALIAS',
    });
  }
  const parent = engine.containers.resolve(path.slice(0, at));
  const alias = path.slice(at + 1);
  const { hostConfig } = parent.record;
  const links = hostConfig.links.filter((text) => parseLink(text).alias !== alias);
  if (links.length === hostConfig.links.length)
    throw new EngineError('not-found', `No such container: ${ref}`, { hint: 'see its links with "inspect"' });
  engine.containers.update(parent, { hostConfig: { ...hostConfig, links } });
  return parent;
}
