/** Build arguments that need no ARG: the platform's, proxies, and those that steer the builder. */
import { formatPlatform, type Platform } from '../../oci/platform.ts';

export interface BuildTarget {
  /** Where the build runs. */
  buildPlatform: Platform;
  /** What is built. */
  targetPlatform: Platform;
  /** The stage asked for; undefined for the last. */
  target?: string | undefined;
}

/** The global arguments every Dockerfile begins with; a stage sees one once it says `ARG NAME`. */
export function platformArgs({ buildPlatform, targetPlatform, target }: BuildTarget): Map<string, string> {
  return new Map([
    ['BUILDPLATFORM', formatPlatform(buildPlatform)],
    ['BUILDOS', buildPlatform.os],
    ['BUILDOSVERSION', ''],
    ['BUILDARCH', buildPlatform.architecture],
    ['BUILDVARIANT', buildPlatform.variant ?? ''],
    ['TARGETPLATFORM', formatPlatform(targetPlatform)],
    ['TARGETOS', targetPlatform.os],
    ['TARGETOSVERSION', ''],
    ['TARGETARCH', targetPlatform.architecture],
    ['TARGETVARIANT', targetPlatform.variant ?? ''],
    ['TARGETSTAGE', target === undefined || target === '' ? 'default' : target],
  ]);
}

const proxies = new Set(['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy']);

export function isProxyArg(name: string): boolean {
  return proxies.has(name.toLowerCase());
}

/** What RUN gets of the proxies among the build arguments, in both cases; never in history, cache keys or the image. */
export function proxyEnvironment(buildArgs: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of buildArgs) {
    if (!isProxyArg(name)) continue;
    found.set(name.toUpperCase(), value);
    found.set(name.toLowerCase(), value);
  }
  return found;
}

/** Names that steer the builder, or are of use without an ARG: never "not consumed". */
const builderArgs = new Set(['SOURCE_DATE_EPOCH', 'BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

export function isBuilderArg(name: string): boolean {
  return builderArgs.has(name) || name.startsWith('BUILDKIT_');
}

/** Arguments that are declared with ARG but never become a variable of a stage. */
export function isOutsideEnvironment(name: string): boolean {
  return name === 'BUILDKIT_SBOM_SCAN_CONTEXT' || name === 'BUILDKIT_SBOM_SCAN_STAGE';
}
