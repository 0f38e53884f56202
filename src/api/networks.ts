/** `/networks`. */

import { inspectNetwork, listNetworks } from '../engine/networks.ts';
import { createNetwork, pruneNetworks, removeNetwork } from '../engine/networks-change.ts';
import { connectContainer, disconnectContainer } from '../engine/networks-connect.ts';
import type { Network, NetworkCreateResponse, NetworksPruneResponse } from '../wire/network.ts';
import { Answer, type Call, param, requiredJsonBody } from './call.ts';
import { decodeEndpoint } from './endpoint-decode.ts';
import { decodeNetworkRequest } from './network-decode.ts';
import { encodeNetwork } from './network-encode.ts';

/** A list leaves the containers out. */
export async function getNetworks(call: Call): Promise<Network[]> {
  const networks = await listNetworks(call.engine, call.query.filters());
  return networks.map((one) => ({ ...encodeNetwork(one), Containers: {} }));
}

export async function getNetwork(call: Call): Promise<Network> {
  return encodeNetwork(await inspectNetwork(call.engine, param(call, 'id')));
}

export async function postNetworkCreate(call: Call): Promise<Answer> {
  const request = decodeNetworkRequest(await requiredJsonBody(call));
  const { id } = await createNetwork(call.engine, request);
  const body: NetworkCreateResponse = { Id: id, Warning: '' };
  return new Answer(201, body);
}

export async function deleteNetwork(call: Call): Promise<void> {
  await removeNetwork(call.engine, param(call, 'id'));
}

/** Answers 200 without a body, as Docker does. */
export async function postNetworkConnect(call: Call): Promise<Answer> {
  const fields = await requiredJsonBody(call);
  const config = decodeEndpoint(fields.object('EndpointConfig'));
  await connectContainer(call.engine, param(call, 'id'), fields.string('Container'), config);
  return new Answer(200);
}

export async function postNetworkDisconnect(call: Call): Promise<Answer> {
  const fields = await requiredJsonBody(call);
  const force = fields.boolean('Force');
  await disconnectContainer(call.engine, param(call, 'id'), fields.string('Container'), { force });
  return new Answer(200);
}

export async function postNetworksPrune(call: Call): Promise<NetworksPruneResponse> {
  const deleted = await pruneNetworks(call.engine, call.query.filters());
  return { NetworksDeleted: deleted.length === 0 ? null : deleted };
}
