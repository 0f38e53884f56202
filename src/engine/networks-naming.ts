/** What the name service of a network tells of a container, and what the container gets to hear. */
import type { EndpointNaming } from '../network/network-types.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { parseLink } from './links.ts';
import type { ContainerRecord, EndpointConfig } from './model.ts';
import { networksOf } from './networks-of-container.ts';

/** Docker's names of a container on a user-defined network: its own, its aliases, its short ID, its hostname. */
export function dnsNames(record: ContainerRecord, { aliases }: Pick<EndpointConfig, 'aliases'>): string[] {
  const names = [record.name, ...aliases, record.id.slice(0, 12), record.config.hostname];
  return [...new Set(names.filter((name) => name !== ''))];
}

export function namingOf(
  engine: Pick<Engine, 'containers' | 'config'>,
  record: ContainerRecord,
  config: EndpointConfig,
): EndpointNaming {
  const links = config.links.map((text) => {
    const { ref, alias } = parseLink(text);
    /* By its ID, which is one of its names: the other may be renamed. */
    return [alias, engine.containers.find(ref)?.id.slice(0, 12) ?? ref];
  });
  return {
    names: dnsNames(record, config),
    links: Object.fromEntries(links),
    servers: askedServers(engine, record).filter((server) => !isLoopback(server)),
  };
}

/** `--dns`, or the daemon's. */
export function askedServers({ config }: Pick<Engine, 'config'>, { hostConfig }: ContainerRecord): string[] {
  return hostConfig.dns.length > 0 ? hostConfig.dns : config.dns;
}

/** In the container's own network: nobody can ask there in its stead. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** After a change of its name, at once. */
export function renameOnNetworks(engine: Pick<Engine, 'networks'>, container: Container): void {
  const configs = networksOf(container.record);
  for (const bridge of engine.networks.list()) {
    const config = configs[bridge.description.name];
    if (config === undefined || !bridge.servesNames) continue;
    engine.networks.rename(container.id, bridge.description.id, dnsNames(container.record, config));
  }
}
