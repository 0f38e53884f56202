/** Connecting containers to networks, and disconnecting them, whether they run or not. */
import { EngineError } from '../errors/engine-error.ts';
import { interfaceNumberOf } from '../network/interface-setup.ts';
import type { Bridge, Endpoint } from '../network/network-types.ts';
import { attachInterface, detachInterface, setDefaultRoutes } from '../network/running-interface.ts';
import type { Container } from './container-table.ts';
import { requireGuardable } from './egress.ts';
import type { Engine } from './engine.ts';
import type { EndpointConfig } from './model.ts';
import { isDefaultMode } from './network-mode.ts';
import { refreshNetworkFiles } from './networks-files.ts';
import { networksOf, placesOf, plainEndpoint, resolveBridge, withRoutes } from './networks-of-container.ts';
import { validateEndpoint } from './networks-validate.ts';
import { publishNetworkEvent } from './release.ts';
import { isPrivate } from './spec/modes.ts';
import { endpointRequest, publishing } from './start-network.ts';
import { hasProcess } from './state.ts';

/**
 * Durable when it resolves; a container that runs has the interface then, and its names are answered. EngineErrors in Docker's words: `not-found`,
 * `forbidden` for one that is connected already, `invalid-argument` where its network mode or the network allow it not.
 */
export async function connectContainer(
  engine: Engine,
  networkRef: string,
  containerRef: string,
  config: EndpointConfig,
): Promise<void> {
  const container = engine.containers.resolve(containerRef);
  const bridge = bridgeToChange(engine, networkRef);
  const { name } = bridge.description;
  await container.lock.run(async () => {
    checkConnectable(container);
    validateEndpoint(name, config, bridge);
    requireGuardable(engine, container.record, bridge);
    const networks = networksOf(container.record);
    const endpointConfigs = { ...networks, [name]: config };
    if (container.process !== undefined && hasProcess(container.state)) {
      if (networks[name] !== undefined && bridge.endpoint(container.id) !== undefined) {
        throw new EngineError(
          'forbidden',
          `endpoint with name ${container.name} already exists in network ${name}`,
        );
      }
      await attach(engine, container, bridge, endpointConfigs);
    } else engine.containers.update(container, { endpointConfigs });
  });
}

/** With `force` it is enough that the container is known by name to the network, or not at all. EngineErrors as from `connectContainer`. */
export async function disconnectContainer(
  engine: Engine,
  networkRef: string,
  containerRef: string,
  options: { force: boolean },
): Promise<void> {
  const container = engine.containers.find(containerRef);
  if (container === undefined && options.force) return;
  const found = container ?? engine.containers.resolve(containerRef);
  const bridge = bridgeToChange(engine, networkRef);
  const { name } = bridge.description;
  await found.lock.run(async () => {
    const configs = networksOf(found.record);
    const { [name]: config, ...endpointConfigs } = configs;
    if (config === undefined) {
      if (options.force) return;
      throw new EngineError('forbidden', `container ${found.id} is not connected to the network ${name}`);
    }
    /* First of all: what a crash leaves on a network that is not on record is taken away by the next start. */
    const offNetworks = Object.keys(endpointConfigs).length === 0;
    engine.containers.update(found, { endpointConfigs, offNetworks });
    const endpoint = bridge.endpoint(found.id);
    if (endpoint !== undefined) await detach(engine, found, bridge, endpoint, configs);
  });
}

/** `host` and `none` are no networks to come and go. */
function bridgeToChange(engine: Engine, ref: string): Bridge {
  if (ref === 'host') {
    throw new EngineError(
      'invalid-argument',
      'container cannot be disconnected from host network or connected to host network',
    );
  }
  if (ref === 'none') {
    throw new EngineError(
      'invalid-argument',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
  return resolveBridge(engine, isDefaultMode(ref) ? 'bridge' : ref);
}

function checkConnectable({ record, state, removing }: Container): void {
  const { networkMode } = record.hostConfig;
  if (removing || state.status === 'removing' || state.status === 'dead') {
    throw new EngineError(
      'conflict',
      `container is marked for removal and cannot be connected or disconnected to the network`,
    );
  }
  if (networkMode === 'none')
    bridgeModeConflict(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  if (networkMode === 'host')
    bridgeModeConflict('container cannot be disconnected from host network or connected to host network');
  if (!isPrivate(networkMode))
    bridgeModeConflict(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
}

function bridgeModeConflict(message: string): never {
  throw new EngineError('invalid-argument', message);
}

/** The endpoint's record comes first, the container's own last: what a crash leaves in between is on no container's record. */
async function attach(
  engine: Engine,
  container: Container,
  bridge: Bridge,
  endpointConfigs: Record<string, EndpointConfig>,
): Promise<void> {
  const before = engine.networks.endpointsOf(container.id);
  const places = placesOf(engine, { ...container.record, endpointConfigs });
  const place = places.find((one) => one.bridge === bridge);
  if (place === undefined) throw new EngineError('internal', `no place on ${bridge.description.name}`);
  const request = endpointRequest(engine, container, place, freeNumber(before), places);
  /* Published ports move there with the default route. */
  const ports = before.some((endpoint) => endpoint.ports.length > 0) ? [] : request.ports;
  const noRoutes = { ipv4: false, ipv6: false };
  const { endpoint, setup } = await bridge.connect({
    ...request,
    ports,
    runningPid: container.process?.shimPid ?? 0,
    defaultRoutes: noRoutes,
  });
  try {
    await attachInterface(engine.launcher, netnsOf(container), endpoint, setup);
    await settle(engine, container, before, endpointConfigs);
    if (container.process === undefined)
      throw new EngineError('conflict', `container ${container.id} is not running`);
    engine.containers.update(container, { endpointConfigs });
  } catch (error) {
    await bridge.disconnect(container.id);
    throw error;
  }
  publishNetworkEvent(engine, container, 'connect', bridge.description);
}

async function detach(
  engine: Engine,
  container: Container,
  bridge: Bridge,
  endpoint: Endpoint,
  configs: Record<string, EndpointConfig>,
): Promise<void> {
  const before = engine.networks.endpointsOf(container.id);
  const { ipv4, ipv6 } = gatewaysOf(
    engine,
    before.filter((one) => one !== endpoint),
    configs,
  );
  const next = ipv4 ?? ipv6;
  if (next !== undefined && endpoint.ports.length > 0) await movePorts(engine, container, next);
  await bridge.disconnect(container.id);
  await detachInterface(engine.launcher, netnsOf(container), endpoint);
  if (container.process !== undefined) await settle(engine, container, before, configs);
  publishNetworkEvent(engine, container, 'disconnect', bridge.description);
}

async function movePorts(engine: Engine, { id, record }: Container, { networkId }: Endpoint): Promise<void> {
  const bridge = engine.networks.get(networkId);
  if (bridge !== undefined)
    await engine.networks.movePorts(id, networkId, publishing(engine, record, bridge));
}

/** Default routes, published ports and the files in the container follow the networks it is on now. `before` are the endpoints that it had. */
async function settle(
  engine: Engine,
  container: Container,
  before: readonly Endpoint[],
  configs: Record<string, EndpointConfig>,
): Promise<void> {
  const former = gatewaysOf(engine, before, configs);
  const { ipv4, ipv6 } = gatewaysOf(engine, engine.networks.endpointsOf(container.id), configs);
  /* What the container itself has made of a route that need not change, is left as it is. */
  await setDefaultRoutes(engine.launcher, netnsOf(container), {
    ipv4: ipv4?.endpointId === former.ipv4?.endpointId ? undefined : ipv4,
    ipv6: ipv6?.endpointId === former.ipv6?.endpointId ? undefined : ipv6,
  });
  const entry = ipv4 ?? ipv6;
  if (entry !== undefined) await movePorts(engine, container, entry);
  await engine.networks.serveInside(container.id, netnsOf(container));
  await refreshNetworkFiles(engine, container, before);
}

/** Those of the endpoints that the default routes go by. */
function gatewaysOf(
  engine: Engine,
  endpoints: readonly Endpoint[],
  configs: Record<string, EndpointConfig>,
): { ipv4: Endpoint | undefined; ipv6: Endpoint | undefined } {
  const places = endpoints.flatMap((endpoint) => {
    const bridge = engine.networks.get(endpoint.networkId);
    if (bridge === undefined) return [];
    return [{ bridge, config: configs[bridge.description.name] ?? plainEndpoint }];
  });
  const by = (version: 'ipv4' | 'ipv6'): Endpoint | undefined => {
    const place = withRoutes(places).find(({ defaultRoutes }) => defaultRoutes[version]);
    return endpoints.find(({ networkId }) => networkId === place?.bridge.description.id);
  };
  return { ipv4: by('ipv4'), ipv6: by('ipv6') };
}

function netnsOf({ process }: Container): string {
  return `/proc/${process?.shimPid ?? 0}/ns/net`;
}

function freeNumber(endpoints: readonly Endpoint[]): number {
  const used = new Set(endpoints.map(interfaceNumberOf));
  for (let number = 0; ; number += 1) if (!used.has(number)) return number;
}

/** At start-up, when states and bridges are right: takes away what a crash in the middle of a connect or disconnect left. */
export async function settleNetworks(engine: Engine): Promise<void> {
  for (const container of engine.containers.list()) {
    if (container.process === undefined) continue;
    const wanted = networksOf(container.record);
    await engine.networks.serveInside(container.id, netnsOf(container));
    for (const endpoint of engine.networks.endpointsOf(container.id)) {
      const bridge = engine.networks.get(endpoint.networkId);
      if (bridge === undefined || wanted[bridge.description.name] !== undefined) continue;
      await detach(engine, container, bridge, endpoint, wanted).catch((err: unknown) => {
        engine.log.error({ err, container: container.id }, 'could not take a container off a network');
      });
    }
  }
}
