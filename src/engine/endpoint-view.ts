/** A container's places on networks and its ports, as lists and inspections show them. */
import type { Endpoint } from '../network/network-types.ts';
import { builtinNetworkId } from './builtin-networks.ts';
import type { EndpointView, PortSummary } from './container-views.ts';
import type { Engine } from './engine.ts';
import type { ContainerRecord, EndpointConfig } from './model.ts';
import { containerPorts, portKey } from './ports.ts';
import { joinedContainer } from './spec/modes.ts';
import { hasProcess } from './state.ts';

type NetworkEngine = Pick<Engine, 'bridge' | 'id'>;

/** `bridge` for `default` too; undefined for another container's network. */
export function networkNameOf(networkMode: string): string | undefined {
  if (networkMode === '' || networkMode === 'default') return 'bridge';
  return joinedContainer(networkMode) === undefined ? networkMode : undefined;
}

/** By network name: the one that the container is on, or will be on once it starts. */
export function endpointViews(engine: NetworkEngine, record: ContainerRecord): Record<string, EndpointView> {
  const name = networkNameOf(record.hostConfig.networkMode);
  if (name === undefined) return {};
  const endpoint =
    name === 'bridge' && hasProcess(record.state) ? engine.bridge.endpoint(record.id) : undefined;
  const asked = record.endpointConfigs[name] ?? record.endpointConfigs[record.hostConfig.networkMode];
  const networkId = name === 'bridge' ? engine.bridge.description.id : builtinNetworkId(engine.id, name);
  return { [name]: { ...placeOf(endpoint), ...wishesOf(asked), networkId } };
}

function placeOf(
  endpoint: Endpoint | undefined,
): Omit<EndpointView, 'networkId' | keyof ReturnType<typeof wishesOf>> {
  return {
    dnsNames: [],
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
  asked: EndpointConfig | undefined,
): Pick<EndpointView, 'links' | 'aliases' | 'driverOpts' | 'requested'> {
  const { ipv4Address, ipv6Address } = asked ?? {};
  const addresses = {
    ...(ipv4Address === undefined ? {} : { ipv4Address }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
  };
  return {
    links: asked?.links ?? [],
    aliases: asked?.aliases ?? [],
    driverOpts: asked?.driverOpts ?? {},
    ...(Object.keys(addresses).length === 0 ? {} : { requested: addresses }),
  };
}

/** By `80/tcp`, lowest port first: where it is published on the host, or null for a port that is only exposed. Nothing while it doesn't run. */
export function portBindingsOf(
  engine: NetworkEngine,
  record: ContainerRecord,
): Record<string, Array<{ hostIp: string; hostPort: string }> | null> {
  const endpoint = hasProcess(record.state) ? engine.bridge.endpoint(record.id) : undefined;
  if (endpoint === undefined) return {};
  const exposed = containerPorts(record.config.exposedPorts, record.hostConfig);
  const bindings: Record<string, Array<{ hostIp: string; hostPort: string }> | null> = {};
  for (const port of exposed) bindings[portKey(port)] = null;
  for (const { containerPort, protocol, hostIp, hostPort } of endpoint.ports) {
    const key = portKey({ port: containerPort, protocol });
    bindings[key] = [...(bindings[key] ?? []), { hostIp, hostPort: String(hostPort) }];
  }
  return bindings;
}

/** The same, one row for each binding. */
export function portSummaries(engine: NetworkEngine, record: ContainerRecord): PortSummary[] {
  const endpoint = hasProcess(record.state) ? engine.bridge.endpoint(record.id) : undefined;
  if (endpoint === undefined) return [];
  const published = new Set(
    endpoint.ports.map(({ containerPort, protocol }) => portKey({ port: containerPort, protocol })),
  );
  const exposed = containerPorts(record.config.exposedPorts, record.hostConfig).filter(
    (port) => !published.has(portKey(port)),
  );
  return [
    ...exposed.map(({ port, protocol }) => ({ privatePort: port, type: protocol })),
    ...endpoint.ports.map(({ containerPort, protocol, hostIp, hostPort }) => ({
      ip: hostIp,
      privatePort: containerPort,
      publicPort: hostPort,
      type: protocol,
    })),
  ];
}
