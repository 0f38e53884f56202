/** Giving back what a run of a container held on the host, beside what went by itself with its shim. */
import { rm } from 'node:fs/promises';
import type { NetworkDescription } from '../network/network-types.ts';
import type { SupervisedProcess } from '../runtime/runtime-types.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { sweepParentCgroupSoon } from './parent-cgroup.ts';
import { bundleFiles } from './paths.ts';
import { releaseSharedMemory } from './shared-memory.ts';
import { publishVolumeUse } from './volumes.ts';
import { releaseMounted } from './volumes-mounted.ts';

/** Address, ports, bundle, shim directory, shared memory. Idempotent. Call it when the shim is gone and the end of the run is recorded. */
export async function releaseRun(engine: Engine, container: Container): Promise<void> {
  const { id } = container;
  await disconnectNetworks(engine, container);
  await Promise.all([
    rm(bundleFiles(engine.config, id).directory, { recursive: true, force: true }),
    engine.runtime.forget(id),
    releaseSharedMemory(engine, container.record),
    releaseMounted(engine, id),
  ]);
}

/** Gives back addresses and ports. Idempotent. */
export async function disconnectNetworks(engine: Engine, container: Container): Promise<void> {
  const endpoints = engine.networks.endpointsOf(container.id);
  if (endpoints.length > 0) engine.networks.silence(container.id);
  for (const { networkId } of endpoints) {
    const bridge = engine.networks.get(networkId);
    if (bridge === undefined) continue;
    await bridge.disconnect(container.id);
    publishNetworkEvent(engine, container, 'disconnect', bridge.description);
  }
}

export function publishNetworkEvent(
  engine: Pick<Engine, 'events'>,
  container: Container,
  action: 'connect' | 'disconnect',
  { id, name, driver }: NetworkDescription,
): void {
  const attributes = { container: container.id, name, type: driver };
  engine.events.publish({ type: 'network', action, actorId: id, attributes });
}

/** Lets `container.released` follow the end of `process`: a start or a removal waits for it. */
export function releaseAfter(engine: Engine, container: Container, process: SupervisedProcess): void {
  container.released = process.released
    .then(() => releaseRun(engine, container))
    .then(() => publishVolumeUse(engine.events, container.record, 'unmount'))
    .catch((error: unknown) => {
      engine.log.error(
        { container: container.id, err: error },
        'could not give back all that a container held',
      );
    })
    .finally(() => sweepParentCgroupSoon(engine));
}
