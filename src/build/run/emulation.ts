/** Can this host run programs of another platform? Some processors run others' as they are; else an emulator has to be registered. */
import { readFileSync } from 'node:fs';
import { EngineError } from '../../errors/engine-error.ts';
import { formatPlatform, hostPlatform, type Platform, platformMatches } from '../../oci/platform.ts';

/** Names of QEMU's emulators (kernel: admin-guide/binfmt-misc.rst; Debian's qemu-user-binfmt). */
const emulators: Readonly<Record<string, string>> = {
  amd64: 'qemu-x86_64',
  '386': 'qemu-i386',
  arm64: 'qemu-aarch64',
  arm: 'qemu-arm',
  riscv64: 'qemu-riscv64',
  ppc64le: 'qemu-ppc64le',
  s390x: 'qemu-s390x',
  mips64le: 'qemu-mips64el',
  loong64: 'qemu-loongarch64',
};

/** EngineError `failed-precondition` where it can't. `registered` tells whether an emulator is there, and on. */
export function checkRunnable(
  platform: Platform,
  registered: (name: string) => boolean = isRegistered,
  host: Platform = hostPlatform(),
): void {
  if (platformMatches(host, platform)) return;
  if (host.architecture === 'amd64' && platform.architecture === '386') return;
  const emulator = platform.os === host.os ? emulators[platform.architecture] : undefined;
  if (emulator !== undefined && registered(emulator)) return;
  throw new EngineError(
    'failed-precondition',
    `RUN for ${formatPlatform(platform)} needs an emulator: this host is ${formatPlatform(host)}`,
    {
      hint: 'register one with binfmt_misc (apt install qemu-user-static), or cross-compile in a stage FROM --platform=$BUILDPLATFORM',
    },
  );
}

function isRegistered(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/fs/binfmt_misc/${name}`, 'utf8').startsWith('enabled');
  } catch {
    return false;
  }
}
