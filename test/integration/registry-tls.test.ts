/** TLS to Debian's registry: unknown authorities, certs.d looked at anew each time, client certificates, and HTTP where HTTPS was meant. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type CertificateFiles, makeAuthority, makeCertificate } from '../support/certificates.ts';
import { buildBusyboxImage, dockerArchive } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let root: string;
let authority: CertificateFiles;
let client: CertificateFiles;
let secure: TestRegistry;
let mutual: TestRegistry;
let plain: TestRegistry;
let rooms: ImageRooms;
let folder: string;

/** Linux takes 0.0.0.0 for this host, and nobody takes it for loopback, which is insecure by itself. */
function outside({ host }: TestRegistry): string {
  return host.replace('127.0.0.1', '0.0.0.0');
}

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'gantry-tls-'));
  authority = makeAuthority(root, 'authority');
  client = makeCertificate(root, 'client', authority);
  const server = makeCertificate(root, 'server', authority, ['127.0.0.1', '0.0.0.0']);
  const tls = {
    certificate: readFileSync(server.certificate, 'utf8'),
    key: readFileSync(server.key, 'utf8'),
  };
  const clientAuthority = readFileSync(authority.certificate, 'utf8');
  [secure, mutual, plain] = await Promise.all([
    startRegistry({ tls }),
    startRegistry({ tls: { ...tls, clientAuthority } }),
    startRegistry(),
  ]);
});
after(async () => {
  await Promise.all([secure.stop(), mutual.stop(), plain.stop()]);
  rmSync(root, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = mkdtempSync(join(root, 'certs.d-'));
  rooms = await openImageRooms({ config: { certificateFolders: [folder, join(root, 'none')] } });
  const archive = dockerArchive([{ image: buildBusyboxImage(), tags: ['busybox:latest'] }]);
  await rooms.images.load(Readable.from([archive]), () => undefined);
});
afterEach(() => rooms.close());

/** Puts a file into certs.d. */
function provide(host: string, name: string, from: string): void {
  mkdirSync(join(folder, host), { recursive: true });
  copyFileSync(from, join(folder, host, name));
}

async function push(host: string): Promise<void> {
  rooms.images.tag('busybox', `${host}/x:v`);
  await rooms.images.push({ reference: `${host}/x:v`, allTags: false, progress: () => undefined });
}

test('an unknown authority is named, with the place for its certificate; there it counts at once', async () => {
  const host = outside(secure);
  await assert.rejects(push(host), {
    code: 'unavailable',
    message: `Get "https://${host}/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    hint: `put the authority's certificate into ${folder}/${host}/ca.crt, or add "${host}" to "insecure-registries" in daemon.json`,
  });
  provide(host, 'ca.crt', authority.certificate);
  await push(host);
  await rooms.images.pull({ reference: `${host}/x:v`, progress: () => undefined });
  rmSync(join(folder, host), { recursive: true });
  await assert.rejects(push(host), /unknown authority/);
  rooms.images.configure({ mirrors: [], insecureRegistries: [host], certificateFolders: [folder] });
  await push(host);
});

test('client certificates: wanted, half there, and whole', async () => {
  const host = outside(mutual);
  provide(host, 'ca.crt', authority.certificate);
  await assert.rejects(push(host), {
    code: 'unavailable',
    message: /: remote error: tls: (certificate required|bad certificate)$/,
    hint: `put a client certificate that the registry accepts into ${folder}/${host}/client.cert, and its key into ${folder}/${host}/client.key`,
  });
  provide(host, 'client.cert', client.certificate);
  await assert.rejects(push(host), {
    code: 'failed-precondition',
    message: `missing key client.key for client.cert in ${folder}/${host}`,
  });
  provide(host, 'client.key', client.key);
  await push(host);
  rmSync(join(folder, host, 'client.cert'));
  await assert.rejects(push(host), {
    message: `missing client certificate client.cert for client.key in ${folder}/${host}`,
  });
});

test('what is no certificate, and one for another host', async () => {
  const host = outside(secure);
  provide(host, 'ca.crt', join('package.json'));
  await assert.rejects(push(host), {
    code: 'failed-precondition',
    message: `${folder}/${host}/ca.crt holds no PEM`,
  });
  const other = makeCertificate(root, 'other', authority, ['registry.example']);
  const tls = {
    certificate: readFileSync(other.certificate, 'utf8'),
    key: readFileSync(other.key, 'utf8'),
  };
  const misnamed = await startRegistry({ tls });
  try {
    const name = outside(misnamed);
    provide(name, 'ca.crt', authority.certificate);
    await assert.rejects(push(name), {
      code: 'unavailable',
      message: `Get "https://${name}/v2/": tls: failed to verify certificate: x509: certificate is not valid for 0.0.0.0`,
    });
  } finally {
    await misnamed.stop();
  }
});

test('loopback is insecure by itself, HTTPS or not', async () => {
  await push(secure.host);
  await push(plain.host);
});

test('HTTP where HTTPS was meant: the error names the setting, and the setting helps at once', async () => {
  const host = outside(plain);
  const expected = {
    code: 'unavailable',
    message: `Get "https://${host}/v2/": http: server gave HTTP response to HTTPS client`,
    hint: `add "${host}" to "insecure-registries" in daemon.json and reload the daemon (send it SIGHUP), or give the registry a TLS certificate`,
  };
  await assert.rejects(push(host), expected);
  await assert.rejects(rooms.images.pull({ reference: `${host}/x`, progress: () => undefined }), expected);
  await assert.rejects(rooms.images.login(host, { username: 'a', password: 'b' }), expected);
  rooms.images.configure({ mirrors: [], insecureRegistries: ['0.0.0.0/32'] });
  await push(host);
  const found = await rooms.images.remoteManifests(`${host}/x:v`, { expand: false, insecure: false });
  assert.equal(found.length, 1);
  rooms.images.configure({ mirrors: [], insecureRegistries: [] });
  await assert.rejects(rooms.images.distribution(`${host}/x:v`), expected);
  const allowed = await rooms.images.remoteManifests(`${host}/x:v`, { expand: true, insecure: true });
  assert.equal(allowed[0]?.digest, found[0]?.digest);
});

test('names that do not resolve', async () => {
  await assert.rejects(push('registry.invalid'), {
    code: 'unavailable',
    message:
      /^Get "https:\/\/registry\.invalid\/v2\/": dial tcp: lookup registry\.invalid: (no such host|Temporary failure in name resolution)$/,
  });
});
