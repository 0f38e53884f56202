/** Versions of the kernel, and how they compare. */
import { readFileSync } from 'node:fs';

export interface KernelVersion {
  major: number;
  minor: number;
  patch: number;
}

/** `6.1.0-18-amd64` and the like; parts that are missing count as 0. */
export function parseKernelVersion(text: string): KernelVersion {
  const match = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text.trim());
  return { major: Number(match?.[1] ?? 0), minor: Number(match?.[2] ?? 0), patch: Number(match?.[3] ?? 0) };
}

/** Is `version` (`6.18.44-x`) at least `minimum` (`4.8`)? */
export function kernelAtLeast(version: string, minimum: string): boolean {
  const [have, want] = [parseKernelVersion(version), parseKernelVersion(minimum)];
  if (have.major !== want.major) return have.major > want.major;
  if (have.minor !== want.minor) return have.minor > want.minor;
  return have.patch >= want.patch;
}

/** The file of a kernel parameter: `net.ipv4.ip_forward` is `/proc/sys/net/ipv4/ip_forward`. */
export function sysctlFile(name: string): string {
  return `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;
}

/** Content of a small file of /proc or /sys without the last newline, or undefined where it can't be read. */
export function readFact(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/\n$/, '');
  } catch {
    return undefined;
  }
}
