/** `/networks`: the three that are always there. */
import { inspectNetwork, listNetworks } from '../engine/networks.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Network, NetworksPruneResponse } from '../wire/network.ts';
import { type Call, param } from './call.ts';
import { encodeNetwork } from './network-encode.ts';

/** A list leaves the containers out. */
export async function getNetworks(call: Call): Promise<Network[]> {
  const networks = await listNetworks(call.engine, call.query.filters());
  return networks.map((one) => ({ ...encodeNetwork(one), Containers: {} }));
}

export async function getNetwork(call: Call): Promise<Network> {
  return encodeNetwork(await inspectNetwork(call.engine, param(call, 'id')));
}

export async function deleteNetwork(call: Call): Promise<never> {
  const network = await inspectNetwork(call.engine, param(call, 'id'));
  throw new EngineError('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
}

const pruneFilters = ['until', 'label', 'label!'];

/** Networks that are always there are never pruned. */
export function postNetworksPrune({ query }: Call): NetworksPruneResponse {
  for (const filter of query.filters().keys()) {
    if (!pruneFilters.includes(filter))
      throw new EngineError('invalid-argument', `invalid filter '${filter}'`);
  }
  return { NetworksDeleted: null };
}
