/** A container's places on networks and its ports, as lists and inspections show them. */
import type { Endpoint } from '../network/network-types.ts';
import { builtinNetworkId } from './builtin-networks.ts';
import type { EndpointView, PortSummary } from './container-views.ts';
import type { ContainerRecord, EndpointConfig } from './model.ts';
import { dnsNames } from './networks-naming.ts';
import { findBridge, type NetworkEngine, networksOf } from './networks-of-container.ts';
import { containerPorts, portKey } from './ports.ts';
import { hasProcess } from './state.ts';

/** By network name: those that the container is on, or will be on once it starts. */
export function endpointViews(engine: NetworkEngine, record: ContainerRecord): Record<string, EndpointView> {
  const runs = hasProcess(record.state);
  const views = Object.entries(networksOf(record)).map(([name, config]) => {
    const bridge = findBridge(engine, name);
    const endpoint = runs ? bridge?.endpoint(record.id) : undefined;
    const networkId = networkIdOf(engine, name);
    const names = bridge?.servesNames === true ? dnsNames(record, config) : [];
    return [name, { ...placeOf(endpoint), ...wishesOf(config), dnsNames: names, networkId }];
  });
  return Object.fromEntries(views);
}

/** '' for a network that is not there. */
export function networkIdOf(engine: NetworkEngine, name: string): string {
  if (name === 'host' || name === 'none') return builtinNetworkId(engine.id, name);
  if (name === 'bridge') return engine.bridge.description.id;
  return findBridge(engine, name)?.description.id ?? '';
}

function placeOf(
  endpoint: Endpoint | undefined,
): Omit<EndpointView, 'networkId' | 'dnsNames' | keyof ReturnType<typeof wishesOf>> {
  return {
    endpointId: endpoint?.endpointId ?? '',
    gateway: endpoint?.gateway ?? '',
    ipAddress: endpoint?.ipAddress ?? '',
    prefixLength: endpoint?.prefixLength ?? 0,
    ipv6Gateway: endpoint?.ipv6Gateway ?? '',
    ipv6Address: endpoint?.ipv6Address ?? '',
    ipv6PrefixLength: endpoint?.ipv6PrefixLength ?? 0,
    macAddress: endpoint?.macAddress ?? '',
  };
}

function wishesOf(
  asked: EndpointConfig,
): Pick<EndpointView, 'links' | 'aliases' | 'driverOpts' | 'requested' | 'gatewayPriority'> {
  const { ipv4Address, ipv6Address, linkLocalIps } = asked;
  const addresses = {
    ...(ipv4Address === undefined ? {} : { ipv4Address }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
    ...(linkLocalIps === undefined ? {} : { linkLocalIps }),
  };
  return {
    links: asked.links,
    aliases: asked.aliases,
    driverOpts: asked.driverOpts,
    gatewayPriority: asked.gatewayPriority ?? 0,
    ...(Object.keys(addresses).length === 0 ? {} : { requested: addresses }),
  };
}

/** By `80/tcp`, lowest port first: where it is published on the host, or null for a port that is only exposed. Nothing while it doesn't run. */
export function portBindingsOf(
  engine: NetworkEngine,
  record: ContainerRecord,
): Record<string, Array<{ hostIp: string; hostPort: string }> | null> {
  const endpoints = endpointsNow(engine, record);
  if (endpoints.length === 0) return {};
  const exposed = containerPorts(record.config.exposedPorts, record.hostConfig);
  const bindings: Record<string, Array<{ hostIp: string; hostPort: string }> | null> = {};
  for (const port of exposed) bindings[portKey(port)] = null;
  for (const { containerPort, protocol, hostIp, hostPort } of endpoints.flatMap(({ ports }) => ports)) {
    const key = portKey({ port: containerPort, protocol });
    bindings[key] = [...(bindings[key] ?? []), { hostIp, hostPort: hostPort === 0 ? '' : String(hostPort) }];
  }
  return bindings;
}

/** The same, one row for each binding. */
export function portSummaries(engine: NetworkEngine, record: ContainerRecord): PortSummary[] {
  const endpoints = endpointsNow(engine, record);
  if (endpoints.length === 0) return [];
  const ports = endpoints.flatMap((endpoint) => endpoint.ports);
  const published = new Set(
    ports.map(({ containerPort, protocol }) => portKey({ port: containerPort, protocol })),
  );
  const exposed = containerPorts(record.config.exposedPorts, record.hostConfig).filter(
    (port) => !published.has(portKey(port)),
  );
  return [
    ...exposed.map(({ port, protocol }) => ({ privatePort: port, type: protocol })),
    ...ports.map(({ containerPort, protocol, hostIp, hostPort }) => ({
      ip: hostIp,
      privatePort: containerPort,
      ...(hostPort === 0 ? {} : { publicPort: hostPort }),
      type: protocol,
    })),
  ];
}

function endpointsNow(engine: NetworkEngine, record: ContainerRecord): Endpoint[] {
  return hasProcess(record.state) ? engine.networks.endpointsOf(record.id) : [];
}
