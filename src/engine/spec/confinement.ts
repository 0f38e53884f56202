/** What confines a process beyond its namespaces: capabilities, seccomp, AppArmor, no-new-privileges, limits, OOM score. */
import { EngineError } from '../../errors/engine-error.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { SpecCapabilities } from '../../oci/runtime-spec.ts';
import type { HostConfig } from '../model.ts';
import type { SecurityOptions } from './security-options.ts';

const defaultAppArmorProfile = 'docker-default';

/** All sets but the inheritable and the ambient one, as Docker has them. */
export function capabilitySets(names: readonly string[]): SpecCapabilities {
  return { bounding: [...names], effective: [...names], permitted: [...names] };
}

/** Undefined where the host has no AppArmor, or nobody asked and the default profile isn't loaded. */
export function appArmorProfile(
  hostConfig: HostConfig,
  security: SecurityOptions,
  host: HostFacts,
): string | undefined {
  if (!host.security.apparmor) return undefined;
  if (security.apparmor) return security.apparmor;
  if (hostConfig.privileged) return 'unconfined';
  return host.security.apparmorProfiles.has(defaultAppArmorProfile) ? defaultAppArmorProfile : undefined;
}

/** Undefined where it can't be had: without CAP_SYS_RESOURCE no process goes below the daemon's own score. */
export function oomScore(hostConfig: HostConfig, host: HostFacts): number | undefined {
  return canHaveOomScore(hostConfig.oomScoreAdj, host) ? hostConfig.oomScoreAdj : undefined;
}

export function canHaveOomScore(score: number, host: HostFacts): boolean {
  return host.security.capabilities.has('CAP_SYS_RESOURCE') || score >= host.oomScoreAdj;
}

/** There are no drivers for `--gpus`. EngineError `internal` in Docker's words. */
export function refuseDeviceRequests(hostConfig: HostConfig): void {
  const request = hostConfig.deviceRequests[0];
  if (request === undefined) return;
  const { driver, capabilities } = describeRequest(request);
  throw new EngineError(
    'internal',
    `could not select device driver "${driver}" with capabilities: ${capabilities}`,
    {
      hint: 'Name the devices with --device instead.',
    },
  );
}

function describeRequest(request: unknown): { driver: string; capabilities: string } {
  const fields: Record<string, unknown> =
    typeof request === 'object' && request !== null ? { ...request } : {};
  const lists = fields['capabilities'] ?? fields['Capabilities'];
  const groups = Array.isArray(lists)
    ? lists.map((list) => `[${Array.isArray(list) ? list.join(' ') : ''}]`)
    : [];
  const driver = fields['driver'] ?? fields['Driver'];
  return { driver: typeof driver === 'string' ? driver : '', capabilities: `[${groups.join(' ')}]` };
}
