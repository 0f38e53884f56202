/** Certificates of a test's own authority, made with openssl. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  /** Paths of PEM files. */
  certificate: string;
  key: string;
}

function openssl(words: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8', timeout: 20_000 });
  if (status !== 0) throw new Error(`openssl ${words[0]}: ${stderr}`);
}

function pathsOf(directory: string, name: string): CertificateFiles {
  return { certificate: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
}

/** A self-signed authority. */
export function makeAuthority(directory: string, name: string): CertificateFiles {
  const { certificate, key } = pathsOf(directory, name);
  openssl([
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${name}`],
    ...['-addext', 'keyUsage=critical,keyCertSign,digitalSignature', '-keyout', key, '-out', certificate],
  ]);
  return { certificate, key };
}

/** A certificate for `hosts` that `authority` signed, for servers and clients unless told otherwise. */
export function makeCertificate(
  directory: string,
  name: string,
  authority: CertificateFiles,
  hosts: readonly string[] = ['127.0.0.1', 'localhost'],
  options: { expired?: boolean; usage?: string } = {},
): CertificateFiles {
  const { certificate, key } = pathsOf(directory, name);
  const request = join(directory, `${name}.csr`);
  const extensions = join(directory, `${name}.ext`);
  const names = hosts.map((host) => (/^[\d.:]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
  writeFileSync(
    extensions,
    `subjectAltName=${names.join(',')}\nextendedKeyUsage=${options.usage ?? 'serverAuth,clientAuth'}\n`,
  );
  openssl(['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
  openssl([
    ...[
      'x509',
      '-req',
      '-days',
      options.expired === true ? '-1' : '30',
      '-in',
      request,
      '-out',
      certificate,
      '-extfile',
      extensions,
    ],
    ...['-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial'],
  ]);
  return { certificate, key };
}
