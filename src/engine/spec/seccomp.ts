/** Which system-call filter a container gets. */
import { EngineError } from '../../errors/engine-error.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { SpecSeccomp } from '../../oci/runtime-spec.ts';
import { defaultProfile } from './seccomp-default.ts';
import { applyProfile, parseSeccompProfile } from './seccomp-profile.ts';

export interface SeccompRequest {
  /** `--security-opt seccomp=`: JSON, `unconfined`, `builtin`; undefined where not given. */
  option: string | undefined;
  /** The daemon's own choice for those that don't say. */
  daemonProfile: string | undefined;
  privileged: boolean;
  capabilities: readonly string[];
}

/** The filter, or undefined for none. A privileged container has none unless it asks for one. */
export function buildSeccomp(request: SeccompRequest, host: HostFacts): SpecSeccomp | undefined {
  const { option } = request;
  if (option === 'unconfined' || (request.privileged && !option)) return undefined;
  if (!host.security.seccomp) {
    if (option && option !== 'builtin') throw noSeccomp();
    return undefined;
  }
  const profile = option || request.daemonProfile || 'builtin';
  if (profile === 'unconfined') return undefined;
  return applyProfile(
    profile === 'builtin' || profile === 'default' ? defaultProfile : parseSeccompProfile(profile),
    {
      architecture: host.architecture,
      kernelVersion: host.kernelVersion,
      capabilities: request.capabilities,
    },
  );
}

function noSeccomp(): EngineError {
  return new EngineError(
    'internal',
    'seccomp is not enabled in your kernel, cannot run with custom seccomp profile',
    {
      hint: 'Boot a kernel with CONFIG_SECCOMP_FILTER, or leave the option away.',
    },
  );
}
