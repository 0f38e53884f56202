/** Kernel parameters below /proc/sys: read, and written only where they differ. */
import { readFile, writeFile } from 'node:fs/promises';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { sysctlFile } from './kernel.ts';

/** The value of `net/ipv4/ip_forward` (or with dots), or undefined where this kernel has no such parameter. */
export async function readSysctl(name: string): Promise<string | undefined> {
  try {
    return (await readFile(sysctlFile(name), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** Sets a parameter; true if it was changed. EngineError `failed-precondition` where it can't be written. */
export async function ensureSysctl(name: string, value: string): Promise<boolean> {
  if ((await readSysctl(name)) === value) return false;
  try {
    await writeFile(sysctlFile(name), value);
    return true;
  } catch (error) {
    const why = errnoOf(error) === 'EROFS' ? '/proc/sys is read-only' : messageOf(error);
    throw new EngineError(
      'failed-precondition',
      `cannot set the kernel parameter ${name} to ${value}: ${why}`,
      {
        cause: error,
        hint: `set it by hand: sysctl -w ${name.replaceAll('/', '.')}=${value}`,
      },
    );
  }
}
