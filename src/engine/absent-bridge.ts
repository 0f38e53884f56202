/** In the place of a bridge where the daemon is told to have none (`--bridge=none`). */
import { EngineError } from '../errors/engine-error.ts';
import type { Bridge, Endpoint, NetworkDescription } from '../network/network-types.ts';

export class AbsentBridge implements Bridge {
  readonly description: NetworkDescription = {
    id: '0'.repeat(64),
    name: 'bridge',
    driver: 'null',
    createdAt: 0,
    options: {},
  };
  readonly mtu = 0;

  reconcile(): Promise<void> {
    return Promise.resolve();
  }

  connect(): Promise<never> {
    return Promise.reject(
      new EngineError(
        'failed-precondition',
        'there is no bridge: the daemon was started with --bridge=none',
        {
          hint: 'use --network none or --network host',
        },
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

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}
