/** This host as BuildKit's worker: what clients look at to know what they may ask for. */
import type { Engine } from '../../engine/engine.ts';
import { engineVersion } from '../../engine/engine-version.ts';
import { hostPlatform } from '../../oci/platform.ts';
import type { WorkerRecord } from '../../wire/buildkit/common-messages.ts';
import type { ValueOf } from '../../wire/buildkit/protobuf.ts';

export const builtBy = { package: 'gantry', version: `v${engineVersion}`, revision: '' };

export function workerRecord(engine: Engine): ValueOf<typeof WorkerRecord> {
  const { os, architecture, variant = '' } = hostPlatform();
  return {
    id: engine.id,
    labels: new Map([
      /* Clients take it for the sign that outputs as archives, several platforms and cache exports are there. */
      ['org.mobyproject.buildkit.worker.snapshotter', 'overlay'],
      ['org.mobyproject.buildkit.worker.moby.host-gateway-ip', engine.bridge.gateways[0] ?? ''],
    ]),
    platforms: [{ os, architecture, variant, osVersion: '', osFeatures: [] }],
    gcPolicy: [],
    buildkitVersion: builtBy,
  };
}
