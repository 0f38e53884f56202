/** The little language of `--pid`, `--ipc`, `--uts`, `--userns`, `--cgroupns` and `--network`: `host`, `container:X` and their own words. */
import type { HostConfig } from '../model.ts';

/** The container named by `container:X`, or undefined. */
export function joinedContainer(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** Own namespace: neither the host's nor another container's. */
export function isPrivate(mode: string): boolean {
  return mode !== 'host' && joinedContainer(mode) === undefined;
}

/** Is an init process put before the command? Only where it would be pid 1. */
export function usesInit(hostConfig: HostConfig, byDefault: boolean): boolean {
  return isPrivate(hostConfig.pidMode) && (hostConfig.init ?? byDefault);
}
