/** Binds that share mounts with the host: the kernel does so only below a mount that is shared itself. */
import { readFileSync, realpathSync } from 'node:fs';
import { EngineError } from '../errors/engine-error.ts';
import type { MountPoint } from './model.ts';

/** EngineError `invalid-argument` in Docker's words, where the propagation of a bind cannot be had. */
export function checkPropagation({ type, source, propagation }: MountPoint): void {
  const wantsShared = /^r?shared$/.test(propagation);
  if (type !== 'bind' || (!wantsShared && !/^r?slave$/.test(propagation))) return;
  const { place, fields } = mountOf(realpathSync(source));
  const isShared = fields.some((field) => field.startsWith('shared:'));
  const isSlave = fields.some((field) => field.startsWith('master:'));
  if (isShared || (isSlave && !wantsShared)) return;
  const needed = wantsShared ? 'a shared mount' : 'a shared or slave mount';
  throw new EngineError('invalid-argument', `path ${source} is mounted on ${place} but it is not ${needed}`, {
    hint: `make it one on the host: mount --make-rshared ${place}`,
  });
}

/** The mount that a path is on, with its optional fields (proc_pid_mountinfo(5)). Of several at one place the last one counts. */
function mountOf(path: string): { place: string; fields: string[] } {
  let found = { place: '/', fields: [] as string[] };
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const parts = line.split(' ');
    const place = (parts[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    );
    const holds = place === '/' || path === place || path.startsWith(`${place}/`);
    if (place !== '' && holds && place.length >= found.place.length)
      found = { place, fields: parts.slice(6, parts.indexOf('-')) };
  }
  return found;
}
