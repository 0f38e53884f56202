/** `proxy` and `gantry.proxies`: the registries whose images are brought here when someone asks for them. */
import type { Path } from './fields.ts';
import type { ConfigurationFile } from './keys.ts';
import { checkPattern, type Refuse, without } from './refuse.ts';
import type { ProxyConfig } from './registry-config.ts';

/** Distribution's one proxy (`proxy`) is one that serves every repository. */
export function toProxies({ proxy, gantry }: ConfigurationFile, refuse: Refuse): ProxyConfig[] {
  const proxies = (gantry?.proxies ?? []).map((one, index): ProxyConfig => {
    const at = ['gantry', 'proxies', index];
    const remoteUrl = checkedUrl(one.remoteurl, [...at, 'remoteurl'], refuse);
    for (const [place, pattern] of (one.repositories ?? []).entries())
      checkPattern(pattern, [...at, 'repositories', place], refuse);
    return {
      name: one.name ?? new URL(remoteUrl).host,
      remoteUrl,
      ...without({
        username: one.username,
        password: one.password,
        ttl: one.ttl,
        revalidate: one.revalidate,
        ca: one.ca,
        repositories: one.repositories,
      }),
      prefix: (one.prefix ?? '').replace(/\/+$/, ''),
      namespaces: one.namespaces ?? [],
      insecure: one.insecure ?? false,
    };
  });
  if (proxy === undefined || proxy.remoteurl === undefined || proxy.remoteurl === '') return proxies;
  const remoteUrl = checkedUrl(proxy.remoteurl, ['proxy', 'remoteurl'], refuse);
  const { username, password, ttl } = proxy;
  const only: ProxyConfig = {
    name: new URL(remoteUrl).host,
    remoteUrl,
    ...without({ username: username || undefined, password: password || undefined, ttl }),
    prefix: '',
    namespaces: [],
    insecure: false,
  };
  return [...proxies, only];
}

export function checkedUrl(url: string | undefined, path: Path, refuse: Refuse): string {
  if (url === undefined || url === '') return refuse(path, 'expected a URL');
  if (!URL.canParse(url) || !/^https?:/i.test(url))
    return refuse(path, `expected a URL that begins with http:// or https://, not ${JSON.stringify(url)}`);
  return url;
}
