/** `_ping`, `version`, `info` and `system/df`. */
import { systemDiskUsage, systemInfo, systemVersion } from '../engine/system.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { DiskUsageResponse, InfoResponse, VersionResponse } from '../wire/system.ts';
import { cacheRows } from './build-prune.ts';
import { type Call, speaks } from './call.ts';
import { encodeSummary } from './container-encode.ts';
import { encodeImageSummary } from './image-encode.ts';
import { encodeInfo } from './info-encode.ts';
import { encodeVolume } from './volume-encode.ts';

/** BuildKit's is what clients are to take where they have buildx; 1 would be the classic one, which is served as well. */
const builderVersion = '2';

export function ping(call: Call): void {
  call.hijack();
  call.response.writeHead(200, {
    'Builder-Version': builderVersion,
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    Swarm: 'inactive',
    'Content-Type': 'text/plain; charset=utf-8',
    ...(call.request.method === 'HEAD' ? { 'Content-Length': '0' } : { 'Content-Length': '2' }),
  });
  call.response.end(call.request.method === 'HEAD' ? undefined : 'OK');
}

export async function getVersion(call: Call): Promise<VersionResponse> {
  const version = await systemVersion(call.engine);
  return {
    Platform: { Name: version.platform },
    Components: version.components.map((one) => ({
      Name: one.name,
      Version: one.version,
      Details: one.details,
    })),
    Version: version.version,
    ApiVersion: version.apiVersion,
    MinAPIVersion: version.minApiVersion,
    GitCommit: version.gitCommit,
    GoVersion: version.goVersion,
    Os: version.os,
    Arch: version.architecture,
    KernelVersion: version.kernelVersion,
    BuildTime: version.buildTime,
  };
}

export async function getInfo(call: Call): Promise<InfoResponse> {
  return encodeInfo(await systemInfo(call.engine), call.version);
}

const diskUsageTypes = ['container', 'image', 'volume', 'build-cache'];

/** From 1.42 on a client may ask for some `type`s only. */
export async function getDiskUsage(call: Call): Promise<DiskUsageResponse> {
  const types = speaks(call, '1.42') ? call.query.all('type') : [];
  const unknown = types.find((type) => !diskUsageTypes.includes(type));
  if (unknown !== undefined) {
    throw new EngineError('invalid-argument', `unknown object type: ${unknown}`, {
      hint: `it must be one of ${diskUsageTypes.join(', ')}`,
    });
  }
  const wants = (type: string): boolean => types.length === 0 || types.includes(type);
  const usage = await systemDiskUsage(call.engine);
  return {
    LayersSize: wants('image') ? usage.layersSize : 0,
    Images: wants('image') ? usage.images.map((one) => encodeImageSummary(one, call.version)) : null,
    Containers: wants('container') ? usage.containers.map(encodeSummary) : null,
    Volumes: wants('volume') ? usage.volumes.map(encodeVolume) : null,
    BuildCache: wants('build-cache') ? cacheRows(call) : null,
  };
}
