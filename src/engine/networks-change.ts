/** Making, removing and pruning networks. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { isParentDriver } from '../network/macvlan-options.ts';
import type { NetworkDescription, NetworkRequest } from '../network/network-types.ts';
import { isBuiltinName } from './builtin-networks.ts';
import type { Engine } from './engine.ts';
import { type Filters, filterValues, matchesLabelFilters, validateFilters } from './filters.ts';
import { inspectNetwork } from './networks.ts';
import { resolveBridge } from './networks-of-container.ts';
import { hasProcess } from './state.ts';
import { nowInNanoseconds, parseTimeBound } from './time-bound.ts';

/** What `POST /networks/create` asks. */
export interface CreateNetworkRequest extends NetworkRequest {
  /** '' for bridge. */
  driver: string;
  scope: string;
  ingress: boolean;
  ipamDriver: string;
}

/** Durable, and there, when it resolves. EngineErrors in Docker's words. */
export async function createNetwork(
  engine: Engine,
  request: CreateNetworkRequest,
): Promise<NetworkDescription> {
  validateRequest(request);
  const driver = request.driver === '' || request.driver === 'default' ? 'bridge' : request.driver;
  const defaults = request.configFrom === undefined ? engine.config.defaultNetworkOptions[driver] : {};
  const { description } = await engine.networks.create({
    ...request,
    driver,
    options: { ...defaults, ...request.options },
  });
  publish(engine, description, 'create');
  return description;
}

function validateRequest({
  name,
  driver,
  scope,
  ingress,
  configOnly,
  ipamDriver,
}: CreateNetworkRequest): void {
  if (name.trim() === '') throw invalid('invalid network name: name is empty');
  if (isBuiltinName(name))
    throw new EngineError('forbidden', `operation is not permitted on predefined ${name} network `.trimEnd());
  if (name !== name.trim() || name.includes('/') || name.length > 255)
    throw invalid(`invalid network name: ${JSON.stringify(name)}`);
  if (driver === 'host' || driver === 'null')
    throw new EngineError('forbidden', `only one instance of "${driver}" network is allowed`);
  if (driver === 'overlay')
    throw new EngineError(
      'forbidden',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      { hint: 'Gantry has no swarm: use the driver bridge, macvlan or ipvlan' },
    );
  if (driver !== '' && driver !== 'bridge' && driver !== 'default' && !isParentDriver(driver))
    throw new EngineError(
      'not-found',
      `could not find plugin ${driver} in v1 plugin registry: plugin not found`,
      {
        hint: 'use the driver bridge, macvlan or ipvlan',
      },
    );
  if (ipamDriver !== '' && ipamDriver !== 'default')
    throw new EngineError('invalid-argument', `could not find ipam driver "${ipamDriver}"`);
  if (configOnly === true && (ingress || scope !== ''))
    throw new EngineError(
      'forbidden',
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  if (ingress || (scope !== '' && scope !== 'local'))
    throw new EngineError('forbidden', 'This node is not a swarm manager: only local networks can be made');
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

/** EngineErrors in Docker's words: `not-found`, `forbidden` for one that is built in or that containers are on. */
export async function removeNetwork(engine: Engine, ref: string): Promise<void> {
  const network = inspectNetwork(engine, ref);
  if (isBuiltinName(network.name))
    throw new EngineError('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
  const { description } = resolveBridge(engine, network.id);
  try {
    await engine.networks.remove(description.id);
  } catch (error) {
    throw inUse(engine, description, error);
  }
  publish(engine, description, 'destroy');
}

function inUse(engine: Engine, { id, name }: NetworkDescription, error: unknown): unknown {
  if (!isEngineError(error, 'forbidden')) return error;
  if (error.details['endpointId'] === undefined)
    return new EngineError('forbidden', `error while removing network: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  const members = (engine.networks.get(id)?.endpoints() ?? []).map(({ containerId, endpointId }) => {
    const container = engine.containers.find(containerId)?.name ?? containerId;
    return `(name:"${container}" id:"${endpointId.slice(0, 12)}")`;
  });
  return new EngineError(
    'forbidden',
    `error while removing network: network ${name} has active endpoints ${members.join(', ')}`,
    { cause: error, hint: 'stop or disconnect its containers first' },
  );
}

const known = new Set(['until', 'label', 'label!']);

/** Removes the user's networks that no container is on; returns their names. */
export async function pruneNetworks(engine: Engine, filters: Filters): Promise<string[]> {
  validateFilters(filters, known);
  const until = parseTimeBound('until', filterValues(filters, 'until')[0]) ?? nowInNanoseconds();
  const deleted: string[] = [];
  for (const { description, servesNames } of engine.networks.list()) {
    if (!servesNames || BigInt(Math.round(description.createdAt)) * 1_000_000n > until) continue;
    if (!matchesLabelFilters(filters, description.labels) || isUsed(engine, description.id)) continue;
    try {
      await removeNetwork(engine, description.id);
      deleted.push(description.name);
    } catch (error) {
      if (!isEngineError(error, 'forbidden') && !isEngineError(error, 'not-found')) throw error;
    }
  }
  engine.events.publish({
    type: 'network',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: '0' },
  });
  return deleted;
}

function isUsed(engine: Engine, id: string): boolean {
  const endpoints = engine.networks.get(id)?.endpoints() ?? [];
  return endpoints.some(({ containerId }) => {
    const container = engine.containers.find(containerId);
    return container !== undefined && hasProcess(container.state);
  });
}

function publish(
  engine: Engine,
  { id, name, driver }: NetworkDescription,
  action: 'create' | 'destroy',
): void {
  engine.events.publish({ type: 'network', action, actorId: id, attributes: { name, type: driver } });
}
