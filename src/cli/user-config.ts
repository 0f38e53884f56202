/** What the user's config.json says of how commands behave: formats, keys, headers, proxies. Credentials are read elsewhere, when they are needed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Fields = Readonly<Record<string, unknown>>;

export interface ProxyVariables {
  readonly [name: string]: string;
}

/** Lists for which config.json may have a format of the user's. */
export type ListName = 'ps' | 'images' | 'volumes' | 'networks' | 'stats';

const proxyFields: ReadonlyArray<readonly [field: string, variable: string]> = [
  ['httpProxy', 'HTTP_PROXY'],
  ['httpsProxy', 'HTTPS_PROXY'],
  ['noProxy', 'NO_PROXY'],
  ['ftpProxy', 'FTP_PROXY'],
  ['allProxy', 'ALL_PROXY'],
];

export class UserConfig {
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  /** A file that is missing or broken counts as empty: whoever writes to it says what is wrong. */
  static read(folder: string): UserConfig {
    try {
      return new UserConfig(fieldsOf(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))));
    } catch {
      return new UserConfig({});
    }
  }

  /** The context that `context use` chose; '' for none. */
  get currentContext(): string {
    return this.#text('currentContext');
  }

  /** `ctrl-p,ctrl-q`; '' for the default. */
  get detachKeys(): string {
    return this.#text('detachKeys');
  }

  /** `psFormat`, `imagesFormat`, …; '' for docker's table. */
  format(list: ListName): string {
    return this.#text(`${list}Format`);
  }

  /** Sent with every call; the client's own name stays. */
  get headers(): Readonly<Record<string, string>> {
    const entries = Object.entries(textsOf(this.#fields['HttpHeaders']));
    return Object.fromEntries(entries.filter(([name]) => name.toLowerCase() !== 'user-agent'));
  }

  /** Variables for containers and builds, in upper and lower case, as the daemon's address or `default` has them. */
  proxies(host: string): ProxyVariables {
    const all = fieldsOf(this.#fields['proxies']);
    const chosen = textsOf(all[host] ?? all['default']);
    const pairs = proxyFields.flatMap(([field, name]): Array<[string, string]> => {
      const value = chosen[field] ?? '';
      return value === ''
        ? []
        : [
            [name, value],
            [name.toLowerCase(), value],
          ];
    });
    return Object.fromEntries(pairs);
  }

  #text(name: string): string {
    const value = this.#fields[name];
    return typeof value === 'string' ? value : '';
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  const pairs = Object.entries(fieldsOf(value));
  return Object.fromEntries(
    pairs.flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
  );
}
