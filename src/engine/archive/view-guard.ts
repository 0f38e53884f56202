/** Where a container's file system may be written to: what its user made read-only stays so. */
import { EngineError } from '../../errors/engine-error.ts';
import type { GuardedMount } from './view-messages.ts';

/** `path` is that of a directory, without links. EngineError `forbidden` in Docker's words. */
export function checkWritable(path: string, mounts: readonly GuardedMount[], readOnlyRoot: boolean): void {
  const holding = mounts
    .filter(({ destination }) => path === destination || path.startsWith(`${destination}/`))
    .sort((one, other) => other.destination.length - one.destination.length);
  const [nearest] = holding;
  if (nearest?.readOnly === true) {
    throw new EngineError('forbidden', 'mounted volume is marked read-only', {
      hint: `write to another place than ${nearest.destination}, or mount it without ro`,
    });
  }
  if (nearest === undefined && readOnlyRoot) {
    throw new EngineError('forbidden', 'container rootfs is marked read-only', {
      hint: 'write to a volume of the container',
    });
  }
}
