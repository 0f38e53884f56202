/** `certs.d`: the authorities and client certificates that hold for one registry, looked at anew whenever they are needed. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

/** Gantry's own folder is looked into first, then Docker's. */
export const defaultCertificateFolders: readonly string[] = ['/etc/gantry/certs.d', '/etc/docker/certs.d'];

/** The files of one registry. */
export interface CertificateFiles {
  folder: string;
  names: string[];
  /** Changes when a file does. */
  fingerprint: string;
}

export interface RegistryCertificates {
  /** PEM, beside the host's authorities. */
  ca: string[];
  /** PEM; a certificate and its key have the same place. */
  certificates: string[];
  keys: string[];
}

const noFiles = new Set(['ENOENT', 'ENOTDIR']);

/** What lies in the first of `folders` that has one for the host of `url` (`HOST:PORT`, or `HOST` for the usual port). */
export function findCertificates(url: URL, folders: readonly string[]): CertificateFiles | undefined {
  const names = url.port === '' ? [url.hostname, `${url.hostname}:443`] : [url.host];
  for (const parent of folders) {
    for (const name of names) {
      const files = listFiles(join(parent, name));
      if (files !== undefined) return files;
    }
  }
  return undefined;
}

function listFiles(folder: string): CertificateFiles | undefined {
  try {
    const names = readdirSync(folder)
      .filter((name) => /\.(crt|cert|key)$/.test(name))
      .toSorted();
    const stamps = names.map((name) => {
      const { ino, mtimeMs, size } = statSync(join(folder, name));
      return `${name}:${ino}:${mtimeMs}:${size}`;
    });
    return { folder, names, fingerprint: [folder, ...stamps].join('|') };
  } catch (error) {
    if (noFiles.has(errnoOf(error) ?? '')) return undefined;
    throw unreadable(folder, error);
  }
}

/** Reads them. EngineError `failed-precondition` for a certificate without its key, and the other way round. */
export function readCertificates({ folder, names }: CertificateFiles): RegistryCertificates {
  const read = (name: string): string => readPem(join(folder, name));
  const pairs = names.filter((name) => name.endsWith('.cert'));
  for (const name of pairs) requireFile(names, folder, name, name.replace(/cert$/, 'key'), 'key');
  for (const name of names.filter((one) => one.endsWith('.key')))
    requireFile(names, folder, name, name.replace(/key$/, 'cert'), 'client certificate');
  return {
    ca: names.filter((name) => name.endsWith('.crt')).map(read),
    certificates: pairs.map(read),
    keys: pairs.map((name) => read(name.replace(/cert$/, 'key'))),
  };
}

function requireFile(
  names: readonly string[],
  folder: string,
  name: string,
  other: string,
  what: string,
): void {
  if (names.includes(other)) return;
  throw new EngineError('failed-precondition', `missing ${what} ${other} for ${name} in ${folder}`, {
    hint: `put ${other} beside it; a certificate of an authority must end in .crt, not in .cert`,
    details: { path: join(folder, name) },
  });
}

function readPem(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new EngineError('failed-precondition', `${path} holds no PEM`, {
    hint: 'put the certificate or key there in PEM form, which begins with -----BEGIN',
  });
}

function unreadable(path: string, cause: unknown): EngineError {
  return new EngineError('failed-precondition', `cannot read ${path}: ${messageOf(cause)}`, { cause });
}
