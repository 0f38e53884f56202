/** Where a repository is asked for: mirrors before Docker Hub, HTTPS before HTTP, and HTTP only where that was allowed. */
import { BlockList, isIP } from 'node:net';

export interface Endpoint {
  /** `https://registry-1.docker.io`, without a trailing slash. */
  url: string;
  /** A mirror of Docker Hub: never gets credentials, and any failure of it leads to the next endpoint. */
  isMirror: boolean;
  /** Its certificate is not checked. */
  isInsecure: boolean;
}

export interface RegistryConfig {
  /** URLs of mirrors of Docker Hub. */
  mirrors: readonly string[];
  /** `host`, `host:port` or CIDR, for which HTTP and unchecked certificates are allowed. */
  insecureRegistries: readonly string[];
}

const hubUrl = 'https://registry-1.docker.io';
const schemePrefix = /^https?:\/\//;

/** `host` of `host:port`, brackets of an IPv6 address taken off. */
function hostnameOf(host: string): string {
  return host.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
}

/** Loopback is insecure by default: nobody else can listen in. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '::1' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

function inSubnet(hostname: string, cidr: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  const version = isIP(network);
  if (version === 0 || isIP(hostname) !== version || !/^[0-9]{1,3}$/.test(prefix)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Math.min(Number(prefix), version === 4 ? 32 : 128), family);
  return list.check(hostname, family);
}

/** May `host` be talked to over HTTP, or with a certificate that nobody vouches for? */
export function isInsecureRegistry(host: string, config: RegistryConfig): boolean {
  const hostname = hostnameOf(host);
  if (isLoopback(hostname)) return true;
  return config.insecureRegistries.some((entry) => {
    const bare = entry.replace(schemePrefix, '');
    return bare === host || bare === hostname || inSubnet(hostname, bare);
  });
}

/** The endpoints of a registry (`docker.io`, `host:5000`), in the order in which they are tried. */
export function endpointsOf(domain: string, config: RegistryConfig): Endpoint[] {
  if (domain === 'docker.io') {
    const mirrors = config.mirrors.map((url) => {
      const trimmed = url.replace(/\/+$/, '');
      return {
        url: trimmed,
        isMirror: true,
        isInsecure: isInsecureRegistry(trimmed.replace(schemePrefix, ''), config),
      };
    });
    return [...mirrors, { url: hubUrl, isMirror: false, isInsecure: false }];
  }
  const isInsecure = isInsecureRegistry(domain, config);
  const schemes = isInsecure ? ['https', 'http'] : ['https'];
  return schemes.map((scheme) => ({ url: `${scheme}://${domain}`, isMirror: false, isInsecure }));
}
