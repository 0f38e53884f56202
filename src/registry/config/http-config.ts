/** `http`: where the registry listens, and how. */
import { tls as nodeTls } from './cipher-names.ts';
import type { Path } from './fields.ts';
import type { ConfigurationFile } from './keys.ts';
import { type Refuse, without } from './refuse.ts';
import type { HttpConfig, ListenAddress, TlsConfig } from './registry-config.ts';

type HttpKeys = NonNullable<ConfigurationFile['http']>;

/** Milliseconds; docker waits ten seconds before it kills. */
const defaultDrain = 5000;

export function toHttp(http: HttpKeys, refuse: Refuse): HttpConfig {
  const prefix = (http.prefix ?? '').replace(/^\/*/, '/').replace(/\/+$/, '');
  return {
    listen: toAddress(http.addr || ':5000', http.net ?? 'tcp', ['http', 'addr'], refuse),
    prefix,
    host: toHost(http.host, refuse),
    relativeUrls: http.relativeurls ?? false,
    drainTimeout: http.draintimeout ?? defaultDrain,
    headers: http.headers ?? { 'X-Content-Type-Options': ['nosniff'] },
    ...without({
      tls: toTls(http.tls ?? {}, refuse),
      debug: toDebug(http.debug ?? {}, refuse),
      secret: http.secret || undefined,
    }),
  };
}

function toHost(host: string | undefined, refuse: Refuse): string {
  if (host === undefined || host === '') return '';
  if (!URL.canParse(host) || !/^https?:/i.test(host))
    return refuse(['http', 'host'], `expected a URL such as https://registry.example.com, not ${host}`);
  return host.replace(/\/+$/, '');
}

/** `:5000`, `127.0.0.1:5000`, `[::1]:5000`, or a path with `net: unix`. */
function toAddress(addr: string, net: 'tcp' | 'unix', at: Path, refuse: Refuse): ListenAddress {
  if (net === 'unix') return { path: addr };
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(addr);
  const port = Number(match?.[3]);
  if (match === null || port > 65535)
    return refuse(at, `expected an address such as :5000 or 127.0.0.1:5000, not ${JSON.stringify(addr)}`);
  const host = match[1] ?? match[2] ?? '';
  return host === '' ? { port } : { host, port };
}

function toTls(tls: NonNullable<HttpKeys['tls']>, refuse: Refuse): TlsConfig | undefined {
  const { certificate = '', key = '' } = tls;
  if (certificate === '' && key === '') {
    if (tls.letsencrypt === undefined) return undefined;
    return refuse(
      ['http', 'tls', 'letsencrypt'],
      'certificates are not fetched from an ACME service',
      'Let a client such as certbot write them and name the files with http.tls.certificate and http.tls.key: they are read again when they change.',
      'not-implemented',
    );
  }
  if (certificate === '') return refuse(['http', 'tls'], 'certificate is missing');
  if (key === '') return refuse(['http', 'tls'], 'key is missing');
  if (tls.clientauth !== undefined && tls.clientauth !== 'require-and-verify-client-cert') {
    return refuse(
      ['http', 'tls', 'clientauth'],
      `${tls.clientauth} is not supported`,
      'With clientcas each client must have a certificate that one of them signed; take clientcas away to ask for none.',
      'not-implemented',
    );
  }
  return {
    certificate,
    key,
    clientCas: tls.clientcas ?? [],
    minVersion: nodeTls.versions[tls.minimumtls ?? 'tls1.2'],
    ciphers: (tls.ciphersuites ?? []).map((name, index) => {
      const known = nodeTls.openSslName(name);
      return known ?? refuse(['http', 'tls', 'ciphersuites', index], `unknown TLS cipher suite ${name}`);
    }),
  };
}

function toDebug(debug: NonNullable<HttpKeys['debug']>, refuse: Refuse): HttpConfig['debug'] {
  if (debug.addr === undefined || debug.addr === '') return undefined;
  return {
    listen: toAddress(debug.addr, 'tcp', ['http', 'debug', 'addr'], refuse),
    ...without({
      metricsPath: debug.prometheus?.enabled === true ? debug.prometheus.path || '/metrics' : undefined,
    }),
  };
}
