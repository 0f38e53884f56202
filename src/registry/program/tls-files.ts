/** Certificates and keys from files, read again when these change, so that no connection is lost when a certificate is renewed. */
import { readFile, stat } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { TlsConfig } from '../config/registry-config.ts';

export interface TlsTarget {
  setSecureContext(options: SecureContextOptions): void;
}

/** Milliseconds between two looks at the files. Watching is no help: a mounted secret is a link that is switched. */
const lookInterval = 1000;

/** What `https.createServer` takes. EngineError `failed-precondition` where a file is missing, malformed, or key and certificate do not fit. */
export async function readTls(config: TlsConfig): Promise<SecureContextOptions> {
  try {
    const [cert, key, ...ca] = await Promise.all(
      [config.certificate, config.key, ...config.clientCas].map((path) => readFile(path)),
    );
    const options: SecureContextOptions = {
      cert,
      key,
      minVersion: config.minVersion,
      ...(ca.length > 0 ? { ca } : {}),
      ...(config.ciphers.length > 0 ? { ciphers: config.ciphers.join(':'), honorCipherOrder: true } : {}),
    };
    createSecureContext(options);
    return options;
  } catch (cause) {
    throw new EngineError('failed-precondition', `cannot use the TLS certificate: ${messageOf(cause)}`, {
      cause,
      hint: `Check http.tls: ${[config.certificate, config.key, ...config.clientCas].join(', ')}.`,
    });
  }
}

export interface TlsWatch {
  /** Reads the files now, whether they changed or not. Rejects where they cannot be used; the server keeps what it has. */
  reload(config?: TlsConfig): Promise<void>;
  close(): void;
}

/** Gives `server` what the files hold whenever that changes. */
export function watchTls(
  server: TlsTarget,
  initial: TlsConfig,
  log: { info(message: string): void; error(message: string): void },
): TlsWatch {
  let config = initial;
  let seen = marksOf(config);
  const reload = async (next?: TlsConfig): Promise<void> => {
    config = next ?? config;
    seen = marksOf(config);
    server.setSecureContext(await readTls(config));
    log.info('TLS certificate read again');
  };
  const look = async (): Promise<void> => {
    if ((await marksOf(config)) === (await seen)) return;
    await reload().catch((error: unknown) => log.error(`${messageOf(error)}; the one in use stays`));
  };
  const timer = setInterval(() => void look(), lookInterval).unref();
  return { reload, close: () => clearInterval(timer) };
}

async function marksOf({ certificate, key, clientCas }: TlsConfig): Promise<string> {
  const marks = [certificate, key, ...clientCas].map(async (path) => {
    const found = await stat(path).catch(() => undefined);
    return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeMs}`;
  });
  return (await Promise.all(marks)).join('|');
}
