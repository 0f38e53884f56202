/** Registries that are insecure by where their name leads: `insecure-registries` may name networks, and loopback is one (as in moby). */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isInsecureRegistry, type RegistryConfig } from './endpoints.ts';
import { effectiveProxies, inSubnet, proxyFor } from './proxies.ts';

const loopback = ['127.0.0.0/8', '::1/128'];

const addressesOf = async (hostname: string): Promise<string[]> =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** `config`, in which `domain` counts as insecure where its name resolves into such a network. Never rejects. */
export async function withResolvedInsecure(
  domain: string,
  config: RegistryConfig,
  resolve = addressesOf,
): Promise<RegistryConfig> {
  if (domain === 'docker.io' || isInsecureRegistry(domain, config)) return config;
  const url = new URL(`https://${domain}`);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(hostname) !== 0 || hasProxy(url, config)) return config;
  const networks = [...loopback, ...config.insecureRegistries.filter((entry) => entry.includes('/'))];
  const addresses = await resolve(hostname).catch((): string[] => []);
  const isInside = addresses.some((address) => networks.some((network) => inSubnet(address, network)));
  return isInside ? { ...config, insecureRegistries: [...config.insecureRegistries, domain] } : config;
}

/** The proxy resolves names then, and this host may not be able to. */
function hasProxy(url: URL, { proxies }: RegistryConfig): boolean {
  try {
    return proxyFor(url, effectiveProxies(proxies)) !== undefined;
  } catch {
    return true;
  }
}
