/** Which networks a container is on, or will be on once it starts, and which of them its default routes go by. */
import { EngineError } from '../errors/engine-error.ts';
import type { Bridge, DefaultRoutes } from '../network/network-types.ts';
import type { Engine } from './engine.ts';
import type { ContainerRecord, EndpointConfig } from './model.ts';
import { isDefaultMode } from './network-mode.ts';
import { joinedContainer } from './spec/modes.ts';

export type NetworkEngine = Pick<Engine, 'networks' | 'bridge' | 'id'>;

export const plainEndpoint: EndpointConfig = { aliases: [], links: [], driverOpts: {} };

/** `bridge` for `default` too; undefined for another container's network. */
export function networkNameOf(networkMode: string): string | undefined {
  if (isDefaultMode(networkMode)) return 'bridge';
  return joinedContainer(networkMode) === undefined ? networkMode : undefined;
}

/** By network name. A container that was never told otherwise is on the network of its mode. */
export function networksOf({
  endpointConfigs,
  hostConfig,
  offNetworks = false,
}: Pick<ContainerRecord, 'endpointConfigs' | 'hostConfig' | 'offNetworks'>): Record<string, EndpointConfig> {
  const mode = networkNameOf(hostConfig.networkMode);
  if (mode === undefined) return {};
  if (mode === 'host' || mode === 'none') return { [mode]: endpointConfigs[mode] ?? plainEndpoint };
  const entries = Object.entries(endpointConfigs);
  if (entries.length === 0) return offNetworks ? {} : { [mode]: plainEndpoint };
  return Object.fromEntries(entries.map(([name, config]) => [isDefaultMode(name) ? 'bridge' : name, config]));
}

/** What the user asked for at creation, under the networks' names: an ID may stand for one. */
export function completeEndpoints(
  engine: NetworkEngine,
  asked: Readonly<Record<string, EndpointConfig>>,
): Record<string, EndpointConfig> {
  const named = Object.entries(asked).map(([ref, config]): [string, EndpointConfig] => [
    isDefaultMode(ref) ? 'bridge' : (findBridge(engine, ref)?.description.name ?? ref),
    config,
  ]);
  return Object.fromEntries(named);
}

/** By name, ID, or a beginning of an ID that fits only one; undefined for no bridge. EngineError `invalid-argument` where it fits several. */
export function findBridge(engine: NetworkEngine, ref: string): Bridge | undefined {
  if (ref === '') return undefined;
  const bridges = engine.networks.list();
  const exact =
    bridges.find(({ description }) => description.name === ref) ??
    bridges.find(({ description }) => description.id === ref);
  if (exact !== undefined) return exact;
  const fitting = bridges.filter(({ description }) => description.id.startsWith(ref));
  if (fitting.length < 2) return fitting[0];
  throw new EngineError(
    'invalid-argument',
    `network ${ref} is ambiguous (${fitting.length} matches found based on ID prefix)`,
  );
}

/** EngineError `not-found` "network X not found". */
export function resolveBridge(engine: NetworkEngine, ref: string): Bridge {
  const bridge = findBridge(engine, ref);
  if (bridge !== undefined) return bridge;
  throw new EngineError('not-found', `network ${ref} not found`, {
    hint: 'list the networks there are with "network ls"',
  });
}

/** One network of a container, with what was asked of it. */
export interface Place {
  bridge: Bridge;
  config: EndpointConfig;
  defaultRoutes: DefaultRoutes;
}

/** In the order of the interfaces: the one with the highest priority first, then by name. EngineError `not-found`. */
export function placesOf(engine: NetworkEngine, record: ContainerRecord): Place[] {
  const found = Object.entries(networksOf(record)).map(([name, config]) => ({
    bridge: resolveBridge(engine, name),
    config,
  }));
  return withRoutes(found);
}

/** The default routes go by the first networks that lead anywhere and have the family. */
export function withRoutes(places: ReadonlyArray<Omit<Place, 'defaultRoutes'>>): Place[] {
  const ordered = [...places].sort(
    (one, other) =>
      (other.config.gatewayPriority ?? 0) - (one.config.gatewayPriority ?? 0) ||
      (one.bridge.description.name < other.bridge.description.name ? -1 : 1),
  );
  const leading = ordered.filter(({ bridge }) => bridge.leadsOut);
  const first = leading.find(({ bridge }) => bridge.description.enableIpv4 !== false);
  const first6 = leading.find(({ bridge }) => bridge.description.enableIpv6);
  return ordered.map((place) => ({
    ...place,
    defaultRoutes: {
      ipv4: place.bridge === first?.bridge,
      ipv6: place.bridge === first6?.bridge,
    },
  }));
}
