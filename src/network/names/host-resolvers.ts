/** The name servers that the host itself asks, as resolv.conf(5) and systemd-resolved have them now. */
import { readFile } from 'node:fs/promises';
import { parseResolvConf, usesLocalStub } from '../resolv-conf.ts';

export interface ResolverFiles {
  own: string;
  /** The real servers behind systemd-resolved's stub on 127.0.0.53. */
  behindStub: string;
}

const hostFiles: ResolverFiles = {
  own: '/etc/resolv.conf',
  behindStub: '/run/systemd/resolve/resolv.conf',
};
/** How long an answer is kept: networks of laptops change, but not within a second. */
const keptMs = 1000;

export class HostResolvers {
  readonly #files: ResolverFiles;
  #servers: Promise<string[]> | undefined;
  #readAt = 0;

  constructor(files: ResolverFiles = hostFiles) {
    this.#files = files;
  }

  /** In the order in which they are asked. */
  servers(): Promise<string[]> {
    const now = performance.now();
    if (this.#servers === undefined || now - this.#readAt > keptMs) {
      this.#servers = this.#read();
      this.#readAt = now;
    }
    return this.#servers;
  }

  /** The stub first: it knows which server each domain belongs to. Those behind it are asked where it is silent. */
  async #read(): Promise<string[]> {
    const host = parseResolvConf(await readOr(this.#files.own));
    if (!usesLocalStub(host)) return host.nameservers;
    const real = parseResolvConf(await readOr(this.#files.behindStub));
    return [...host.nameservers, ...real.nameservers];
  }
}

function readOr(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
