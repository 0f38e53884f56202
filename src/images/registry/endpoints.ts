/** Where a repository is asked for: its mirrors first, HTTPS before HTTP, and HTTP only where that was allowed. */
import { inSubnet, isLoopback, type ProxySettings } from './proxies.ts';

export interface Endpoint {
  /** `https://registry-1.docker.io`, without a trailing slash. */
  url: string;
  /** Never gets credentials, and any failure of it leads to the next endpoint. */
  isMirror: boolean;
  /** Its certificate is not checked. */
  isInsecure: boolean;
  /** Stands before the repository's name there: a mirror that keeps each registry below a name of its own. */
  prefix?: string;
  /** Sent as `ns`, so that a mirror of several registries knows which one is meant (as containerd does). */
  namespace?: string;
}

export interface RegistryConfig {
  /** URLs of mirrors of Docker Hub. */
  mirrors: readonly string[];
  /** `host`, `host:port` or CIDR, for which HTTP and unchecked certificates are allowed. */
  insecureRegistries: readonly string[];
  /** URLs of mirrors, by the registry's host as it stands in references; a path in a URL is the mirror's prefix. */
  mirrorsFor?: Readonly<Record<string, readonly string[]>>;
  /** Folders such as `/etc/docker/certs.d`, the one that counts first. */
  certificateFolders?: readonly string[];
  /** In place of the environment's. */
  proxies?: Partial<ProxySettings>;
}

const hubUrl = 'https://registry-1.docker.io';
const schemePrefix = /^https?:\/\//;

/** `host` of `host:port`, brackets of an IPv6 address taken off. */
function hostnameOf(host: string): string {
  return host.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
}

/** May `host` be talked to over HTTP, or with a certificate that nobody vouches for? Loopback may: nobody else can listen in. */
export function isInsecureRegistry(host: string, config: RegistryConfig): boolean {
  const hostname = hostnameOf(host);
  if (isLoopback(hostname)) return true;
  return config.insecureRegistries.some((entry) => {
    const bare = entry.replace(schemePrefix, '').replace(/\/+$/, '');
    return bare === host || bare === hostname || inSubnet(hostname, bare);
  });
}

function mirrorEndpoint(text: string, namespace: string | undefined, config: RegistryConfig): Endpoint {
  const { protocol, host, pathname } = new URL(text);
  const prefix = pathname.replace(/^\/+|\/+$/g, '');
  return {
    url: `${protocol}//${host}`,
    isMirror: true,
    isInsecure: isInsecureRegistry(host, config),
    ...(prefix === '' ? {} : { prefix }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/** The registry itself (`docker.io`, `host:5000`), for what mirrors cannot do: pushing, logging in. */
export function ownEndpoints(domain: string, config: RegistryConfig): Endpoint[] {
  if (domain === 'docker.io') return [{ url: hubUrl, isMirror: false, isInsecure: false }];
  const isInsecure = isInsecureRegistry(domain, config);
  const schemes = isInsecure ? ['https', 'http'] : ['https'];
  return schemes.map((scheme) => ({ url: `${scheme}://${domain}`, isMirror: false, isInsecure }));
}

/** The endpoints to pull from, in the order in which they are tried. */
export function endpointsOf(domain: string, config: RegistryConfig): Endpoint[] {
  const own = (config.mirrorsFor?.[domain] ?? []).map((text) => mirrorEndpoint(text, domain, config));
  const hub = domain === 'docker.io' ? config.mirrors : [];
  return [
    ...own,
    ...hub.map((text) => mirrorEndpoint(text, undefined, config)),
    ...ownEndpoints(domain, config),
  ];
}
