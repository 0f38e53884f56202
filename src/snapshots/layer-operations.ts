/** Does a layer's privileged file operations through the launcher, in batches, as lenient as Docker is about attributes. */
import { constants } from 'node:os';
import { EngineError } from '../errors/engine-error.ts';
import type { FileOperation, Launcher } from '../host/launcher-types.ts';
import { noSpace } from './unpack-thread.ts';

/** Keeps a message small, and the launcher free for others in between. */
const batchSize = 1000;
const batchBytes = 1024 * 1024;

function sizeOf(operation: FileOperation): number {
  return (
    operation.path.length +
    (operation.kind === 'setxattr' ? operation.value.length + operation.name.length : 0)
  );
}

/** The index behind the last operation of the batch that begins at `start`. */
function batchEnd(operations: readonly FileOperation[], start: number): number {
  let bytes = 0;
  let end = start;
  while (end < operations.length && end - start < batchSize && bytes < batchBytes) {
    const operation = operations[end];
    bytes += operation === undefined ? 0 : sizeOf(operation);
    end += 1;
  }
  return end;
}

/** File systems without such attributes, or hosts that forbid them: an image is of use without, as Docker has it too. */
function isForgivable(operation: FileOperation | undefined, errno: number): boolean {
  const { ENOTSUP, EOPNOTSUPP, EPERM } = constants.errno;
  const lenient = errno === ENOTSUP || errno === EOPNOTSUPP || errno === EPERM;
  return lenient && operation?.kind === 'setxattr' && operation.name !== 'trusted.overlay.opaque';
}

function failureOf(operation: FileOperation | undefined, errno: number): EngineError {
  const { ENOSPC, EDQUOT } = constants.errno;
  if (errno === ENOSPC || errno === EDQUOT) return noSpace();
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  const path = operation === undefined ? '' : operation.path.toString();
  return new EngineError('internal', `${operation?.kind ?? 'operation'} ${path}: ${name}`, {
    hint: 'check that the daemon runs as root on a file system with devices and trusted.* attributes (ext4, xfs, btrfs)',
  });
}

/** Does all operations below `root`. EngineError where one fails for good. */
export async function doFileOperations(
  launcher: Pick<Launcher, 'fileOperations'>,
  root: string,
  operations: readonly FileOperation[],
): Promise<void> {
  for (let start = 0; start < operations.length; ) {
    const end = batchEnd(operations, start);
    const failure = await launcher.fileOperations(root, operations.slice(start, end));
    if (failure === undefined) {
      start = end;
      continue;
    }
    const failed = operations[start + failure.index];
    if (!isForgivable(failed, failure.errno)) throw failureOf(failed, failure.errno);
    start += failure.index + 1;
  }
}
