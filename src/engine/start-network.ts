/** Steps 3 and 4 of a start, "network" and "address": which network namespace the container is in, and who it is there. */
import { writeFile } from 'node:fs/promises';
import { EngineError } from '../errors/engine-error.ts';
import type { NetworkSetup } from '../host/network-setup.ts';
import { parseEndpointOptions } from '../network/endpoint-options.ts';
import { hostnameFile } from '../network/hosts-file.ts';
import { interfaceNameOf, joinSetups } from '../network/interface-setup.ts';
import { bridgeOption } from '../network/network-options.ts';
import type { Bridge, Endpoint, EndpointRequest, PortRequest } from '../network/network-types.ts';
import { raiseLink } from '../network/rtnetlink.ts';
import type { NetworkNamespace } from '../runtime/runtime-types.ts';
import type { Undo } from '../util/undo.ts';
import type { Container } from './container-table.ts';
import { egressOf, requireGuardedMode } from './egress.ts';
import type { Engine } from './engine.ts';
import type { ContainerRecord, EndpointConfig } from './model.ts';
import { type NetworkKind, networkKind } from './network-mode.ts';
import { hostsContent, resolvConfContent } from './networks-files.ts';
import { namingOf } from './networks-naming.ts';
import { type Place, placesOf } from './networks-of-container.ts';
import { type ContainerFiles, containerFiles } from './paths.ts';
import { portRequests, publishFromOf } from './ports.ts';
import { disconnectNetworks, publishNetworkEvent } from './release.ts';
import { joinedContainer } from './spec/modes.ts';
import { networkSysctls } from './spec/sysctls.ts';

export interface ContainerNetwork {
  kind: NetworkKind;
  namespace: NetworkNamespace;
  /** Its places on bridges, in the order of its interfaces. */
  endpoints: readonly Endpoint[];
  /** Its network is this one's too. */
  joined?: Container;
}

const loopback = 1;

/** Takes addresses and ports on the bridges; the shim makes namespace and interfaces from what comes out. */
export async function connectNetwork(
  engine: Engine,
  container: Container,
  undo: Undo,
): Promise<[ContainerNetwork, detail: string]> {
  const { config, hostConfig } = container.record;
  const kind = config.networkDisabled ? 'none' : networkKind(engine, hostConfig.networkMode);
  requireGuardedMode(engine, container.record);
  switch (kind) {
    case 'host':
      return [{ kind, namespace: { kind: 'host' }, endpoints: [] }, "the host's own network"];
    case 'none':
      return noNetwork(engine, container);
    case 'container': {
      const joined = runningOwner(engine, joinedContainer(hostConfig.networkMode) ?? '');
      const path = `/proc/${joined.process?.shimPid ?? 0}/ns/net`;
      return [
        { kind, namespace: { kind: 'path', path }, joined, endpoints: [] },
        `the network of ${joined.name}`,
      ];
    }
    case 'bridge':
      return connectBridges(engine, container, undo);
  }
}

function noNetwork(engine: Engine, { record }: Container): [ContainerNetwork, detail: string] {
  const sysctls = networkSysctls(record, engine.host);
  const setup = { inside: [raiseLink(loopback)], outside: [], sysctls };
  return [
    { kind: 'none', namespace: { kind: 'new', setup }, endpoints: [] },
    'a network namespace with nothing but loopback',
  ];
}

/** EngineError `conflict` in Docker's words where it doesn't run. */
function runningOwner(engine: Engine, ref: string): Container {
  const owner = engine.containers.resolve(ref);
  if (owner.process !== undefined) return owner;
  throw new EngineError('conflict', `cannot join network of a non running container: ${owner.id}`, {
    hint: `start it first: start ${owner.name}`,
  });
}

async function connectBridges(
  engine: Engine,
  container: Container,
  undo: Undo,
): Promise<[ContainerNetwork, detail: string]> {
  const places = placesOf(engine, container.record);
  if (places.length === 0) return noNetwork(engine, container);
  undo.add(() => disconnectNetworks(engine, container));
  const parts: Array<{ endpoint: Endpoint; setup: NetworkSetup }> = [];
  const sysctls = networkSysctls(container.record, engine.host);
  for (const [number, place] of places.entries()) {
    parts.push(
      await place.bridge.connect({ ...endpointRequest(engine, container, place, number, places), sysctls }),
    );
    publishNetworkEvent(engine, container, 'connect', place.bridge.description);
  }
  const endpoints = parts.map(({ endpoint }) => endpoint);
  const setup = joinSetups(parts);
  return [{ kind: 'bridge', namespace: { kind: 'new', setup }, endpoints }, detailOf(engine, endpoints)];
}

/** What a network is asked for a container. Ports are published where the default route goes by. */
export function endpointRequest(
  engine: Engine,
  { id, record }: Container,
  { bridge, config, defaultRoutes }: Place,
  interfaceNumber: number,
  places: readonly Pick<Place, 'config' | 'defaultRoutes'>[],
): EndpointRequest {
  const { ipv4Address, ipv6Address, macAddress, linkLocalIps } = config;
  const { interfaceName, sysctls } = parseEndpointOptions(config.driverOpts);
  const { ports, defaultAddress } = publishing(engine, record, bridge);
  const publishFrom = publishFromOf(record);
  const egress = egressOf(engine, record, bridge);
  return {
    containerId: id,
    interfaceNumber,
    defaultRoutes,
    ports: publishesBy(places, defaultRoutes) ? ports : [],
    defaultAddress,
    ...(publishFrom === undefined ? {} : { publishFrom }),
    ...(ipv4Address === undefined ? {} : { ipAddress: ipv4Address }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
    ...(macAddress === undefined ? {} : { macAddress }),
    ...(linkLocalIps === undefined ? {} : { linkLocal: linkLocalIps }),
    ...(interfaceName === undefined ? {} : { interfaceName }),
    otherNames: otherNames(engine, id, places, config),
    interfaceSysctls: sysctls,
    ...(bridge.servesNames ? { naming: namingOf(engine, record, config) } : {}),
    ...(egress === undefined ? {} : { egress }),
  };
}

/** What a container publishes, where it is on this network. */
export function publishing(
  engine: Engine,
  { config, hostConfig }: ContainerRecord,
  bridge: Bridge,
): { ports: PortRequest[]; defaultAddress: string } {
  const defaultAddress = hostBindingOf(bridge) ?? engine.config.defaultAddress;
  return { ports: portRequests(config.exposedPorts, hostConfig, defaultAddress), defaultAddress };
}

/** Where the default route of IPv4 goes by; of IPv6 where there is no other. */
function publishesBy(
  places: readonly Pick<Place, 'defaultRoutes'>[],
  { ipv4, ipv6 }: Place['defaultRoutes'],
): boolean {
  return ipv4 || (ipv6 && !places.some(({ defaultRoutes }) => defaultRoutes.ipv4));
}

/** The names that the container's interfaces have, and those that are asked for on its other networks. */
function otherNames(
  engine: Engine,
  containerId: string,
  places: readonly Pick<Place, 'config'>[],
  own: EndpointConfig,
): string[] {
  const asked = places
    .filter(({ config }) => config !== own)
    .map(({ config }) => parseEndpointOptions(config.driverOpts).interfaceName);
  const given = engine.networks.endpointsOf(containerId).map(interfaceNameOf);
  return [...asked.filter((name) => name !== undefined), ...given];
}

/** Where a user's network has its ports published; the daemon's own setting may have changed since its default bridge was made. */
function hostBindingOf({ description, servesNames }: Bridge): string | undefined {
  return servesNames ? description.options[bridgeOption.hostBinding] || undefined : undefined;
}

function detailOf(engine: Engine, endpoints: readonly Endpoint[]): string {
  const interfaces = endpoints.map(
    (endpoint) =>
      `${interfaceNameOf(endpoint)} on ${engine.networks.get(endpoint.networkId)?.interfaceName ?? '?'}`,
  );
  const published = endpoints
    .flatMap(({ ports }) => ports)
    .map(({ hostIp, hostPort, containerPort, protocol }) =>
      hostPort === 0 ? `${containerPort}/${protocol}` : `${hostIp}:${hostPort}->${containerPort}/${protocol}`,
    );
  return [`interface ${interfaces.join(', ')}`, ...published].join(', ');
}

/** Files bound at /etc/hosts, /etc/hostname and /etc/resolv.conf; those of the other container where its network is shared. */
export async function writeNetworkFiles(
  engine: Engine,
  container: Container,
  network: ContainerNetwork,
): Promise<ContainerFiles> {
  if (network.joined !== undefined) return containerFiles(engine.config, network.joined.id);
  const files = containerFiles(engine.config, container.id);
  const { hostname } = container.record.config;
  const [hosts, resolvConf] = await Promise.all([
    hostsContent(engine, container, network.kind, network.endpoints),
    resolvConfContent(engine, container, network.kind, network.endpoints),
  ]);
  await Promise.all([
    writeFile(files.hosts, hosts),
    writeFile(files.hostname, hostnameFile(hostname)),
    writeFile(files.resolvConf, resolvConf),
  ]);
  return files;
}

/** Writes the hosts file of a container that runs anew, in its place: it is bound in the container. For the containers that link to one that has started. */
export async function refreshHosts(engine: Engine, container: Container): Promise<void> {
  const endpoints = engine.networks.endpointsOf(container.id);
  if (endpoints.length === 0) return;
  const content = await hostsContent(engine, container, 'bridge', endpoints);
  await writeFile(containerFiles(engine.config, container.id).hosts, content);
}
