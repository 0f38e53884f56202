/** Linux capabilities by bit (capabilities(7)), and those that this host can give. */
import { readFact } from './kernel.ts';

/** In the order of their bits: the first is bit 0. */
export const capabilityNames: readonly string[] = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE',
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN',
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE',
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`));

/** The names in a mask of /proc/PID/status (`CapBnd: 00000000a80425fb`, hexadecimal). Bits without a name are left out. */
export function capabilitiesOfMask(hex: string): string[] {
  const mask = BigInt(`0x${hex.trim()}`);
  return capabilityNames.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

/** The mask of some names, 16 hexadecimal digits as in /proc/PID/status. */
export function maskOfCapabilities(names: Iterable<string>): string {
  let mask = 0n;
  for (const name of names) mask |= 1n << BigInt(capabilityNames.indexOf(name));
  return mask.toString(16).padStart(16, '0');
}

/** The capabilities in this process's bounding set: no child can have another. */
export function boundingCapabilities(): Set<string> {
  const line = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFact('/proc/self/status') ?? '');
  return new Set(capabilitiesOfMask(line?.[1] ?? '0'));
}

/** The capabilities that the running kernel knows. */
export function kernelCapabilities(): Set<string> {
  const last = Number(readFact('/proc/sys/kernel/cap_last_cap') ?? capabilityNames.length - 1);
  return new Set(capabilityNames.slice(0, last + 1));
}
