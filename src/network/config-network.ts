/** Configuration-only networks: settings under a name, for other networks to be made from. Nothing of them is on the host. */
import { EngineError } from '../errors/engine-error.ts';
import type { DriverNetwork } from './network-driver.ts';
import type { Endpoint, NetworkDescription, NetworkRequest, PublishedPort } from './network-types.ts';

export class ConfigNetwork implements DriverNetwork {
  readonly description: NetworkDescription;
  readonly interfaceName = '';
  readonly gateways: readonly string[] = [];
  readonly mtu = 0;
  readonly servesNames: boolean = false;
  readonly namesInside: boolean = false;
  readonly leadsOut: boolean = false;
  readonly rules = undefined;

  constructor(description: NetworkDescription) {
    this.description = description;
  }

  connect(): Promise<never> {
    return Promise.reject(
      new EngineError('forbidden', 'cannot create endpoint on configuration-only network', {
        hint: `make a network from it: network create --config-from ${this.description.name} NAME`,
      }),
    );
  }

  disconnect(): Promise<void> {
    return Promise.resolve();
  }

  endpoint(): Endpoint | undefined {
    return undefined;
  }

  endpoints(): Endpoint[] {
    return [];
  }

  raise(): Promise<void> {
    return Promise.resolve();
  }

  prove(): Promise<void> {
    return Promise.resolve();
  }

  forgetDead(): Promise<void> {
    return Promise.resolve();
  }

  adoptPorts(): Promise<PublishedPort[]> {
    return Promise.resolve([]);
  }

  note(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  retire(): void {
    // Nobody is on it.
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * The request as it is to be carried out: where it names a configuration, with the settings of that. EngineErrors in Docker's words: `not-found`, `forbidden` for
 * settings of its own beside those, or for a configuration made from another.
 */
export function withConfiguration(
  request: NetworkRequest,
  networks: readonly NetworkDescription[],
): NetworkRequest {
  const { configOnly, configFrom } = request;
  if (configOnly === true && (request.internal || request.attachable))
    throw forbidden(
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  if (configFrom === undefined) return request;
  if (configOnly === true)
    throw forbidden('a configuration network cannot depend on another configuration network');
  refuseOwnSettings(request);
  const config =
    networks.find((one) => one.configOnly === true && one.name === configFrom) ??
    networks.find((one) => one.configOnly === true && one.id === configFrom);
  if (config === undefined)
    throw new EngineError('not-found', `configuration network "${configFrom}" does not exist`, {
      hint: 'make it first: network create --config-only NAME',
    });
  return {
    ...request,
    enableIpv4: config.enableIpv4,
    enableIpv6: config.enableIpv6,
    ipam: config.ipam,
    options: { ...config.options },
    labels: { ...config.labels },
  };
}

function refuseOwnSettings({ enableIpv4, enableIpv6, ipam, labels, options }: NetworkRequest): void {
  const hasIpam = ipam.pools.length > 0 || Object.keys(ipam.options ?? {}).length > 0;
  if (enableIpv4 === false || enableIpv6 === true || hasIpam || Object.keys(labels).length > 0)
    throw forbidden(
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  if (Object.keys(options).length > 0)
    throw forbidden(
      'network driver options are not supported if the network depends on a configuration network',
    );
}

/** EngineError `forbidden` where another network was made from this one. */
export function refuseConfigInUse(
  { configOnly, id, name }: NetworkDescription,
  networks: readonly NetworkDescription[],
): void {
  const user = networks.find(({ configFrom }) => configFrom === name || configFrom === id);
  if (configOnly !== true || user === undefined) return;
  throw new EngineError('forbidden', `configuration network "${name}" is in use`, {
    hint: `remove the network ${user.name} first`,
  });
}

function forbidden(message: string): EngineError {
  return new EngineError('forbidden', message);
}
