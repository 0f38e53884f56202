/** In the place of a bridge where the daemon is told to have none (`--bridge=none`). */
import { EngineError } from '../errors/engine-error.ts';
import type { Bridge, Endpoint, NetworkDescription } from '../network/network-types.ts';

export class AbsentBridge implements Bridge {
  readonly description: NetworkDescription = {
    id: '0'.repeat(64),
    name: 'bridge',
    driver: 'null',
    createdAt: 0,
    internal: false,
    attachable: false,
    enableIpv6: false,
    hasUserSubnet: false,
    ipam: { options: null, pools: [] },
    options: {},
    labels: {},
  };
  readonly interfaceName = '';
  readonly gateways: readonly string[] = [];
  readonly mtu = 0;
  readonly servesNames: boolean = false;
  readonly namesInside: boolean = false;
  readonly leadsOut: boolean = false;

  connect(): Promise<never> {
    return Promise.reject(
      new EngineError(
        'failed-precondition',
        'there is no bridge: the daemon was started with --bridge=none',
        { hint: 'use --network none or --network host, or make a network' },
      ),
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
}
