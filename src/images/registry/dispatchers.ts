/** Connections to registries, kept by what they are made with: proxy, authorities, client certificate, checked or not. */
import { getCACertificates } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import { errnoOf } from '../../errors/engine-error.ts';
import {
  type CertificateFiles,
  defaultCertificateFolders,
  findCertificates,
  readCertificates,
} from './certificates.ts';
import type { RegistryConfig } from './endpoints.ts';
import { effectiveProxies, isLoopback, proxyFor } from './proxies.ts';

interface TlsOptions {
  rejectUnauthorized?: boolean;
  ca?: string[];
  cert?: string[];
  key?: string[];
}

/** Milliseconds for a connection to come about. */
const connectTimeout = 30_000;
/** Ways to connect that are kept; there are more only where certificates change all the time. */
const maxKept = 64;

export class Dispatchers {
  readonly #kept = new Map<string, Dispatcher>();
  /** By host: why a server ended a connection that seemed to have come about (a TLS alert); undici says only that it did. */
  readonly #alerts = new Map<string, Error>();

  /** The last alert of a host, once. */
  takeAlert(url: URL): Error | undefined {
    const alert = this.#alerts.get(url.hostname);
    this.#alerts.delete(url.hostname);
    return alert;
  }

  /** The way to `url` under the settings of now. EngineErrors for a bad proxy and for bad certificate files. */
  choose(url: URL, isInsecure: boolean, config: RegistryConfig): Dispatcher {
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const isUnchecked = isInsecure || isLoopback(hostname);
    const proxy = proxyFor(url, effectiveProxies(config.proxies));
    const folders = config.certificateFolders ?? defaultCertificateFolders;
    const files = url.protocol === 'https:' ? findCertificates(url, folders) : undefined;
    const key = [proxy?.href ?? '', isUnchecked, files?.fingerprint ?? ''].join(' ');
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const made = makeDispatcher(proxy, tlsOptions(isUnchecked, files), (host, alert) =>
      this.#alerts.set(host, alert),
    );
    this.#keep(key, made);
    return made;
  }

  async close(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #keep(key: string, made: Dispatcher): void {
    this.#kept.set(key, made);
    const [oldest] = this.#kept;
    if (this.#kept.size <= maxKept || oldest === undefined) return;
    this.#kept.delete(oldest[0]);
    // What still runs over it may end.
    oldest[1].close().catch(() => undefined);
  }
}

/** The host's own authorities count too: a company's registry is often signed by one of those. */
function tlsOptions(isUnchecked: boolean, files: CertificateFiles | undefined): TlsOptions {
  const own = files === undefined ? undefined : readCertificates(files);
  const pairs = own !== undefined && own.certificates.length > 0;
  return {
    ...(isUnchecked
      ? { rejectUnauthorized: false }
      : { ca: [...getCACertificates('default'), ...getCACertificates('system'), ...(own?.ca ?? [])] }),
    ...(pairs ? { cert: own.certificates, key: own.keys } : {}),
  };
}

function makeDispatcher(
  proxy: URL | undefined,
  tls: TlsOptions,
  onAlert: (host: string, alert: Error) => void,
): Dispatcher {
  const connect = { timeout: connectTimeout, ...tls };
  if (proxy !== undefined) {
    // Most proxies open tunnels to TLS alone.
    const options = { uri: proxy.href, requestTls: connect, connectTimeout, proxyTunnel: false };
    return new ProxyAgent(options);
  }
  const connector = buildConnector(connect);
  return new Agent({
    connect: (options, callback) =>
      connector(options, (...outcome) => {
        const [, socket] = outcome;
        socket?.once('error', (error: Error) => {
          if (errnoOf(error)?.includes('_ALERT_') === true) onAlert(options.hostname, error);
        });
        callback(...outcome);
      }),
  });
}
