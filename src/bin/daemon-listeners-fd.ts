/** Sockets that systemd made and passed on: `fd://`, see sd_listen_fds(3). */
import { EngineError } from '../errors/engine-error.ts';

/** The first descriptor that is passed. */
const firstDescriptor = 3;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The descriptors that `fd://` (all) or `fd://N` or `fd://NAME` means. EngineError `invalid-argument` where there are
 * none: systemd did not start this process through a socket.
 */
export function passedDescriptors(which: string, env: Environment, pid: number): number[] {
  const count = env['LISTEN_PID'] === String(pid) ? Number(env['LISTEN_FDS'] ?? 0) : 0;
  const all = Array.from(
    { length: Number.isInteger(count) && count > 0 ? count : 0 },
    (_, index) => index + firstDescriptor,
  );
  if (all.length === 0) {
    throw new EngineError(
      'invalid-argument',
      'no sockets found via socket activation: make sure the service was started by systemd',
      { hint: 'start the socket unit instead of the service, or name an address with -H unix://PATH' },
    );
  }
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const wanted = ['', '*'].includes(which)
    ? all
    : all.filter(
        (descriptor) => String(descriptor) === which || names[descriptor - firstDescriptor] === which,
      );
  if (wanted.length > 0) return wanted;
  throw new EngineError('invalid-argument', `no socket ${which} was passed: there are ${all.join(', ')}`, {
    hint: 'use fd:// for all of them',
  });
}
