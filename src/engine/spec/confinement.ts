/** What confines a process beyond its namespaces: capabilities, seccomp, AppArmor, no-new-privileges, limits, OOM score. */
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
