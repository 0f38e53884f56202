/** Which namespaces a container has of its own, and which it shares. */
import { EngineError } from '../../errors/engine-error.ts';
import type { NamespaceType, SpecNamespace } from '../../oci/runtime-spec.ts';
import { isPrivate } from './modes.ts';
import type { JoinedContainer, SpecInput } from './spec-input.ts';

/** In the order in which they are made. */
export function buildNamespaces(input: SpecInput): SpecNamespace[] {
  const { hostConfig } = input.container;
  const namespaces: SpecNamespace[] = [{ type: 'mount' }];
  if (input.networkNamespacePath !== undefined)
    namespaces.push({ type: 'network', path: input.networkNamespacePath });
  namespaces.push(
    ...namespaceFor('uts', hostConfig.utsMode, input.join.uts),
    ...namespaceFor('pid', hostConfig.pidMode, input.join.pid),
    ...namespaceFor('ipc', hostConfig.ipcMode, input.join.ipc),
  );
  if (hasCgroupNamespace(input)) namespaces.push({ type: 'cgroup' });
  return namespaces;
}

/** Docker's defaults: private on v2, the host's on v1. */
function hasCgroupNamespace(input: SpecInput): boolean {
  const { cgroups } = input.host;
  const mode = input.container.hostConfig.cgroupnsMode || (cgroups.mode === 'v2' ? 'private' : 'host');
  return mode === 'private' && cgroups.namespaces;
}

function namespaceFor(
  type: 'uts' | 'pid' | 'ipc',
  mode: string,
  joined: JoinedContainer | undefined,
): SpecNamespace[] {
  if (mode === 'host') return [];
  if (isPrivate(mode)) return [{ type }];
  if (joined === undefined) throw notJoinable(type, mode);
  return [{ type, path: `/proc/${joined.pid}/ns/${fileOf(type)}` }];
}

function fileOf(type: NamespaceType): string {
  return type === 'network' ? 'net' : type;
}

function notJoinable(type: string, mode: string): EngineError {
  return new EngineError(
    'conflict',
    `cannot join the ${type} namespace of ${mode.slice('container:'.length)}: it is not running`,
    {
      hint: 'Start that container first.',
    },
  );
}
