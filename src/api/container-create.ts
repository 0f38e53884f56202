/** `POST /containers/create`. */
import { createContainer } from '../engine/create.ts';
import type { EndpointConfig, HostConfig } from '../engine/model.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { ContainerCreateResponse } from '../wire/container.ts';
import { Answer, type Call, jsonBody, speaks } from './call.ts';
import { decodeContainerConfig } from './container-config.ts';
import { forVersion } from './create-version.ts';
import { decodeEndpoint } from './endpoint-decode.ts';
import type { Fields } from './fields.ts';
import { decodeHostConfig } from './host-config-decode.ts';

export async function postCreate(call: Call): Promise<Answer> {
  const fields = await jsonBody(call);
  if (fields === undefined) {
    throw new EngineError('invalid-argument', 'config cannot be empty in order to create a container');
  }
  const name = call.query.optional('name');
  const platform = speaks(call, '1.41') ? call.query.optional('platform') : undefined;
  const decoded = {
    config: decodeContainerConfig(fields),
    hostConfig: decodeHostConfig(fields.object('HostConfig')),
  };
  const { config, hostConfig } = forVersion(decoded, call.version);
  const { id, warnings } = await createContainer(call.engine, {
    config,
    hostConfig,
    endpointConfigs: decodeEndpoints(fields, hostConfig),
    ...(name === undefined ? {} : { name: name.replace(/^\//, '') }),
    ...(platform === undefined ? {} : { platform }),
  });
  const body: ContainerCreateResponse = { Id: id, Warnings: warnings };
  return new Answer(201, body);
}

/** Before 1.44 a container had one hardware address, which belongs to the network of its network mode. */
function decodeEndpoints(fields: Fields, hostConfig: HostConfig): Record<string, EndpointConfig> {
  const given = fields.object('NetworkingConfig').objectMap('EndpointsConfig');
  const endpoints = Object.fromEntries(
    given.map(([network, endpoint]) => [network, decodeEndpoint(endpoint)]),
  );
  const macAddress = fields.string('MacAddress');
  if (macAddress === '') return endpoints;
  const endpoint = endpoints[hostConfig.networkMode] ?? { aliases: [], links: [], driverOpts: {} };
  return { ...endpoints, [hostConfig.networkMode]: { macAddress, ...endpoint } };
}
