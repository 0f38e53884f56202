/** Which capabilities a container gets: Docker's defaults, changed by `--cap-add`, `--cap-drop` and `--privileged`. */
import { EngineError } from '../../errors/engine-error.ts';
import { capabilityNames } from '../../host/capabilities.ts';
import type { SecurityFacts } from '../../host/facts.ts';

/** The 14 that Docker gives to every container. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const all = 'ALL';

export interface CapabilityRequest {
  capAdd: readonly string[];
  capDrop: readonly string[];
  privileged: boolean;
}

/**
 * Names with `CAP_`, in any case and with or without the prefix, made uniform; `ALL` stays. EngineError
 * `invalid-argument` for a name that the kernel doesn't know.
 */
export function normalizeCapabilities(
  names: readonly string[],
  field: 'CapAdd' | 'CapDrop',
  security: SecurityFacts,
): string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === all) return all;
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!capabilityNames.includes(full))
      throw invalid(field, `unknown capability: "${full}"`, 'See capabilities(7) for the names.');
    if (!security.kernelCapabilities.has(full))
      throw invalid(
        field,
        `capability not supported by the current kernel: "${full}"`,
        'Boot a newer kernel.',
      );
    return full;
  });
}

function invalid(field: string, message: string, hint: string): EngineError {
  return new EngineError('invalid-argument', `invalid ${field}: ${message}`, { hint });
}

/** The set that was asked for, whether or not this host can give it. */
export function requestedCapabilities(request: CapabilityRequest, security: SecurityFacts): string[] {
  if (request.privileged) return [...security.kernelCapabilities];
  const add = normalizeCapabilities(request.capAdd, 'CapAdd', security);
  const drop = normalizeCapabilities(request.capDrop, 'CapDrop', security);
  if (add.includes(all)) return [...security.kernelCapabilities].filter((name) => !drop.includes(name));
  if (drop.includes(all)) return [...new Set(add)];
  return [...new Set([...defaultCapabilities.filter((name) => !drop.includes(name)), ...add])];
}

/** What the container gets: an OCI runtime fails when asked for more than its own bounding set has. */
export function grantedCapabilities(request: CapabilityRequest, security: SecurityFacts): string[] {
  return requestedCapabilities(request, security).filter((name) => security.capabilities.has(name));
}

/** What was asked for and can't be given. */
export function withheldCapabilities(request: CapabilityRequest, security: SecurityFacts): string[] {
  return requestedCapabilities(request, security).filter((name) => !security.capabilities.has(name));
}
