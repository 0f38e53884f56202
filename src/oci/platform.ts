/** Platforms (`linux/arm64/v8`): parsing, normal form, and which images a host can run, best first. */
import { EngineError } from '../errors/engine-error.ts';

export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

const component = /^[A-Za-z0-9_.-]+$/;

/** Other spellings of an architecture, and what they are in Go's words (containerd, platforms/database.go). */
const architectureAliases: Record<string, { architecture: string; variant?: string }> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  x64: { architecture: 'amd64' },
  i386: { architecture: '386' },
  ia32: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

const knownSystems = new Set(['linux', 'windows', 'darwin', 'freebsd', 'macos']);

/** Normal form: lower case, Go's names, `arm64` without its only variant `v8`, `arm` with its default `v7`. */
export function normalizePlatform(platform: Platform): Platform {
  const alias = architectureAliases[platform.architecture.toLowerCase()];
  const architecture = alias?.architecture ?? platform.architecture.toLowerCase();
  const written = (platform.variant ?? alias?.variant ?? '').toLowerCase();
  const prefixed = /^[0-9]/.test(written) ? `v${written}` : written;
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const variant = normalVariant(architecture, prefixed);
  return { os, architecture, ...(variant === '' ? {} : { variant }) };
}

function normalVariant(architecture: string, variant: string): string {
  if (architecture === 'arm64' && variant === 'v8') return '';
  if (architecture === 'amd64' && variant === 'v1') return '';
  if (architecture === 'arm' && variant === '') return 'v7';
  return variant;
}

/** The platform of this host. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: process.arch });
}

/** Parses `OS[/ARCH[/VARIANT]]` or `ARCH`; what is left out is the host's. EngineError `invalid-argument`. */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [first = '', second, third] = parts;
  if (parts.length > 3 || parts.some((part) => !component.test(part))) {
    throw new EngineError('invalid-argument', `"${text.slice(0, 100)}" is an invalid platform specifier`, {
      hint: 'write it as OS/ARCH or OS/ARCH/VARIANT, for example linux/arm64',
    });
  }
  const host = hostPlatform();
  if (second !== undefined) {
    return normalizePlatform({
      os: first,
      architecture: second,
      ...(third === undefined ? {} : { variant: third }),
    });
  }
  if (knownSystems.has(first.toLowerCase()))
    return { ...host, os: normalizePlatform({ ...host, os: first }).os };
  return normalizePlatform({ os: host.os, architecture: first });
}

/** `linux/arm64/v8`-like text of a platform. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
}

const armVariants = ['v8', 'v7', 'v6', 'v5'];

/** The platforms whose images `wanted` can run, best first: older variants, and the 32-bit sibling. */
function runnable(wanted: Platform): Platform[] {
  const { os, architecture, variant } = wanted;
  if (architecture === 'amd64') {
    const level = Number(/^v([1-9])$/.exec(variant ?? 'v1')?.[1] ?? 1);
    const levels = Array.from({ length: level }, (_, index) => level - index);
    return [
      ...levels.map((n) => normalizePlatform({ os, architecture, variant: `v${n}` })),
      { os, architecture: '386' },
    ];
  }
  const arms = (from: string): Platform[] =>
    armVariants
      .slice(Math.max(0, armVariants.indexOf(from)))
      .map((v) => ({ os, architecture: 'arm', variant: v }));
  if (architecture === 'arm64') return [wanted, { os, architecture }, ...arms('v8')];
  if (architecture === 'arm') return arms(variant ?? 'v7');
  return [wanted];
}

/** Can `wanted` run an image made for `offered`? */
export function platformMatches(wanted: Platform, offered: Platform): boolean {
  return rankOf(normalizePlatform(wanted), offered) !== -1;
}

function rankOf(wanted: Platform, offered: Platform): number {
  const text = formatPlatform(normalizePlatform(offered));
  return runnable(wanted).findIndex((candidate) => formatPlatform(candidate) === text);
}

/** The item that fits `wanted` best, or undefined. Items without a platform never fit. */
export function selectByPlatform<T extends { platform?: Platform }>(
  items: readonly T[],
  wanted: Platform,
): T | undefined {
  const normal = normalizePlatform(wanted);
  const ranked = items
    .map((item) => ({ item, rank: item.platform === undefined ? -1 : rankOf(normal, item.platform) }))
    .filter(({ rank }) => rank !== -1)
    .toSorted((a, b) => a.rank - b.rank);
  return ranked[0]?.item;
}
