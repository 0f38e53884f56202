/** A real registry (Debian's docker-registry) on loopback for one test, and a way to put fixtures into it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FixtureBlob, FixtureImage } from './image-fixtures.ts';

const program = '/usr/bin/docker-registry';

export interface RegistryOptions {
  /** An htpasswd file's content (bcrypt), where the registry shall ask for Basic authentication. */
  htpasswd?: string;
  /** A token server's realm, service, issuer and root certificate bundle (PEM), where it shall ask for a Bearer token. */
  token?: { realm: string; service: string; issuer: string; rootCertificate: string };
  /** PEM certificate and key, for HTTPS; with `clientAuthority` (PEM) clients must show a certificate that it signed. */
  tls?: { certificate: string; key: string; clientAuthority?: string };
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`, as it stands in references. */
  host: string;
  /** `http://127.0.0.1:PORT`. */
  url: string;
  directory: string;
  /** Uploads an image's blobs and its manifest as `repository:tag`. Returns the manifest's digest. */
  push(repository: string, tag: string, image: FixtureImage): Promise<string>;
  /** Uploads all images, then the index over them as `repository:tag`. */
  pushIndex(
    repository: string,
    tag: string,
    index: FixtureBlob,
    images: readonly FixtureImage[],
  ): Promise<string>;
  stop(): Promise<void>;
}

/** Is the registry program installed (Debian: docker-registry)? */
export function hasRegistry(): boolean {
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}

async function configuration(directory: string, port: number, options: RegistryOptions): Promise<string> {
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${directory}/data}, delete: {enabled: true}, redirect: {disable: true}}`,
  ];
  const http = [`addr: "127.0.0.1:${port}"`, 'draintimeout: 1s'];
  if (options.tls !== undefined) {
    await writeFile(join(directory, 'cert.pem'), options.tls.certificate);
    await writeFile(join(directory, 'key.pem'), options.tls.key);
    const { clientAuthority } = options.tls;
    if (clientAuthority !== undefined) await writeFile(join(directory, 'clients.pem'), clientAuthority);
    const clients = clientAuthority === undefined ? '' : `, clientcas: [${directory}/clients.pem]`;
    http.push(`tls: {certificate: ${directory}/cert.pem, key: ${directory}/key.pem${clients}}`);
  }
  lines.push(`http: {${http.join(', ')}}`);
  if (options.htpasswd !== undefined) {
    await writeFile(join(directory, 'htpasswd'), options.htpasswd);
    lines.push(`auth: {htpasswd: {realm: test, path: ${directory}/htpasswd}}`);
  }
  if (options.token !== undefined) {
    const { realm, service, issuer, rootCertificate } = options.token;
    await writeFile(join(directory, 'root.pem'), rootCertificate);
    lines.push(
      `auth: {token: {realm: "${realm}", service: "${service}", issuer: "${issuer}", rootcertbundle: ${directory}/root.pem}}`,
    );
  }
  const path = join(directory, 'config.yml');
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

async function untilListening(url: string, child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 25) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with status ${child.exitCode}`);
    try {
      await fetch(`${url}/v2/`);
      return;
    } catch (error) {
      // A certificate that fetch does not trust is a sign of life too.
      if (error instanceof Error && /certificate|self-signed|alert/i.test(String(error.cause))) return;
      await sleep(25);
    }
  }
  throw new Error(`docker-registry did not answer on ${url} within 10 s`);
}

/** Starts a registry in a temporary directory on a free port. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  if (!hasRegistry()) throw new Error('docker-registry is missing: apt-get install docker-registry');
  const directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'));
  const port = await freePort();
  const config = await configuration(directory, port, options);
  const child = spawn(program, ['serve', config], {
    stdio: 'ignore',
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilListening(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: `127.0.0.1:${port}`,
    url,
    directory,
    push: (repository, tag, image) => pushImage(url, repository, tag, image),
    pushIndex: async (repository, tag, index, images) => {
      for (const image of images) await pushImage(url, repository, image.manifest.digest, image);
      return await putManifest(url, repository, tag, index);
    },
    stop,
  };
}

/** Uploads an image's blobs and manifest over HTTP (distribution-spec, "Pushing manifests"). */
export async function pushImage(
  url: string,
  repository: string,
  tag: string,
  image: FixtureImage,
  headers: Record<string, string> = {},
): Promise<string> {
  for (const item of [image.config, ...image.layers]) await putBlob(url, repository, item, headers);
  return await putManifest(url, repository, tag, image.manifest, headers);
}

async function putBlob(
  url: string,
  repository: string,
  item: FixtureBlob,
  headers: Record<string, string>,
): Promise<void> {
  const head = await fetch(`${url}/v2/${repository}/blobs/${item.digest}`, { method: 'HEAD', headers });
  if (head.ok) return;
  const started = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST', headers });
  const location = started.headers.get('location');
  if (started.status !== 202 || location === null)
    throw new Error(`upload refused: ${started.status} ${await started.text()}`);
  const target = new URL(location, url);
  target.searchParams.set('digest', item.digest);
  const put = await fetch(target, {
    method: 'PUT',
    body: new Uint8Array(item.data),
    headers: { ...headers, 'content-type': 'application/octet-stream' },
  });
  if (put.status !== 201) throw new Error(`blob refused: ${put.status} ${await put.text()}`);
}

async function putManifest(
  url: string,
  repository: string,
  tag: string,
  manifest: FixtureBlob,
  headers: Record<string, string> = {},
): Promise<string> {
  const put = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    body: new Uint8Array(manifest.data),
    headers: { ...headers, 'content-type': manifest.mediaType },
  });
  if (put.status !== 201) throw new Error(`manifest refused: ${put.status} ${await put.text()}`);
  return manifest.digest;
}
