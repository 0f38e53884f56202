/** What OCI runtimes must not see of the host's mounts. */
import { readCgroupFacts } from '../host/cgroups.ts';

/**
 * On a hybrid host whose v2 side still has controllers (which no v1 hierarchy took), crun refuses to work. Without sight of
 * that v2 mount it takes the host for a pure v1 host, which is what the other controllers are. Nothing changes on the host:
 * the mount is detached only in the runtime's own mount namespace.
 */
export function hiddenCgroupMounts(): string[] {
  const { hybridWithControllers, hierarchies } = readCgroupFacts();
  if (hybridWithControllers.length === 0) return [];
  return hierarchies.filter(({ version }) => version === 2).map(({ mountpoint }) => mountpoint);
}
