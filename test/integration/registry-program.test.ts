/** gantry-registry as a program: TLS that is renewed, reloading, garbage collection from outside, logs, health, and how it ends. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { type CertificateFiles, makeAuthority, makeCertificate } from '../support/certificates.ts';
import { runProgram } from '../support/daemon.ts';
import { buildImage, digestOf } from '../support/image-fixtures.ts';
import { freePort, pushImage } from '../support/registry.ts';
import { RegistryProcess, type RegistryProcessOptions } from '../support/registry-process.ts';
import { tarOf } from '../support/tar-writer.ts';

const image = buildImage({ layers: [tarOf([{ name: 'hello', data: 'hello' }])] });

/** Starts one for the length of `work`. */
async function using(
  options: RegistryProcessOptions,
  work: (registry: RegistryProcess) => Promise<void>,
): Promise<void> {
  const registry = await RegistryProcess.start(options);
  try {
    await work(registry);
  } finally {
    await registry.close();
  }
}

async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const answer = await fetch(url, init);
  await answer.arrayBuffer();
  return answer.status;
}

describe('garbage collection', () => {
  test('the serving registry does it: what a manifest needs stays, what was deleted goes', async () => {
    await using({ config: { gantry: { gc: { grace: '0s' } } } }, async (registry) => {
      const digest = await pushImage(registry.url, 'team/app', 'v1', image);
      const none = await registry.command('garbage-collect');
      assert.deepEqual(
        [none.code, none.stdout],
        [0, '0 manifests, 0 blobs and 0 uploads deleted, 0.0 MB freed\n'],
      );
      assert.equal(
        await statusOf(`${registry.url}/v2/team/app/manifests/${digest}`, { method: 'DELETE' }),
        202,
      );
      const dry = await registry.command('garbage-collect', '--dry-run');
      assert.match(dry.stdout, /^0 manifests, 3 blobs and 0 uploads would be deleted/);
      const layer = `${registry.url}/v2/team/app/blobs/${image.config.digest}`;
      assert.equal(await statusOf(layer), 200);
      const real = await registry.command('garbage-collect');
      assert.match(real.stdout, /^0 manifests, 3 blobs and 0 uploads deleted/);
      assert.equal(await statusOf(layer), 404);
      await registry.until(/garbage collected on command/);
    });
  });

  test('untagged manifests go when that is asked for, also where no registry runs', async () => {
    await using({}, async (registry) => {
      const digest = await pushImage(registry.url, 'team/app', 'v1', image);
      await pushImage(registry.url, 'team/app', 'v1', buildImage({ layers: [tarOf([])] }));
      registry.signal('SIGTERM');
      assert.equal(await registry.ended(), 0);
      const dry = await registry.command('garbage-collect', '-d', '-m');
      assert.match(dry.stdout, /^1 manifests, \d blobs and 0 uploads would be deleted/);
      const kept = await registry.command('garbage-collect', '-q');
      assert.deepEqual([kept.code, kept.stdout], [0, '']);
      assert.match((await registry.command('garbage-collect', '-m')).stdout, /^1 manifests, 3 blobs/);
      await registry.launch();
      assert.equal(await statusOf(`${registry.url}/v2/team/app/manifests/${digest}`), 404);
      assert.equal(await statusOf(`${registry.url}/v2/team/app/manifests/v1`), 200);
    });
  });

  test('a directory has one registry', async () => {
    await using({}, async (registry) => {
      const second = await registry.command('serve');
      assert.equal(second.code, 1);
      assert.match(second.stderr, /gantry-registry: .*another/);
      assert.equal(await statusOf(`${registry.url}/v2/`), 200);
    });
  });
});

describe('how it ends', () => {
  test('SIGTERM lets an upload come to its end, takes no new connection, and exits with 0', async () => {
    await using({ http: { draintimeout: '8s' } }, async (registry) => {
      const begun = await fetch(`${registry.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const target = new URL(begun.headers.get('location') ?? '', registry.url);
      const data = Buffer.alloc(100_000, 'x');
      target.searchParams.set('digest', digestOf(data));
      const upload = request(target, { method: 'PUT', headers: { 'Content-Length': data.length } });
      upload.write(data.subarray(0, 50_000));
      await sleep(100);
      registry.signal('SIGTERM');
      await registry.until(/SIGTERM: ending/);
      await sleep(100);
      await assert.rejects(fetch(`${registry.url}/v2/`));
      assert.equal(registry.hasEnded, false);
      const answered = new Promise<number>((resolve, reject) => {
        upload.once('response', (response) => resolve(response.resume().statusCode ?? 0));
        upload.once('error', reject);
      });
      upload.end(data.subarray(50_000));
      assert.equal(await answered, 201);
      assert.equal(await registry.ended(), 0);
    });
  });

  test('what does not end in time is cut off', async () => {
    await using({ http: { draintimeout: '200ms' } }, async (registry) => {
      const begun = await fetch(`${registry.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const upload = request(new URL(begun.headers.get('location') ?? '', registry.url), { method: 'PATCH' });
      const failed = new Promise<Error>((resolve) => upload.once('error', resolve));
      upload.write('a part');
      await sleep(50);
      registry.signal('SIGTERM');
      assert.ok(await failed);
      assert.equal(await registry.ended(), 0);
    });
  });
});

describe('TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-tls-'));
  let authority: CertificateFiles;
  let files: CertificateFiles;
  before(() => {
    authority = makeAuthority(directory, 'authority');
    files = makeCertificate(directory, 'served', authority);
  });
  after(() => rmSync(directory, { recursive: true }));

  /** Status, and the name in the certificate that the registry showed. */
  function ask(
    registry: RegistryProcess,
    client?: CertificateFiles,
  ): Promise<{ status: number; name: string }> {
    return new Promise((resolve, reject) => {
      const asking = requestTls(
        `${registry.url}/v2/`,
        {
          ca: readFileSync(authority.certificate),
          agent: false,
          ...(client === undefined
            ? {}
            : { cert: readFileSync(client.certificate), key: readFileSync(client.key) }),
        },
        (response) => {
          const { socket } = response;
          const peer = socket instanceof TLSSocket ? socket.getPeerCertificate().subject.CN : '';
          response
            .resume()
            .once('end', () => resolve({ status: response.statusCode ?? 0, name: String(peer) }));
        },
      );
      asking.once('error', reject);
      asking.end();
    });
  }

  test('a renewed certificate is served without a restart, a broken one is not', async () => {
    const tls = { certificate: files.certificate, key: files.key, minimumtls: 'tls1.2' };
    await using({ http: { tls } }, async (registry) => {
      assert.deepEqual(await ask(registry), { status: 200, name: 'served' });
      const { pid } = registry;
      const renewed = makeCertificate(directory, 'renewed', authority);
      copyFileSync(renewed.certificate, files.certificate);
      copyFileSync(renewed.key, files.key);
      await registry.until(/TLS certificate read again/);
      assert.deepEqual(await ask(registry), { status: 200, name: 'renewed' });
      copyFileSync(makeAuthority(directory, 'misfit').certificate, files.certificate);
      await registry.until(/cannot use the TLS certificate.*stays/);
      assert.equal((await ask(registry)).name, 'renewed');
      assert.equal(registry.pid, pid);
    });
  });

  test('client certificates where authorities for them are named', async () => {
    const server = makeCertificate(directory, 'strict', authority);
    const client = makeCertificate(directory, 'client', authority);
    const tls = { certificate: server.certificate, key: server.key, clientcas: [authority.certificate] };
    await using({ http: { tls } }, async (registry) => {
      await assert.rejects(ask(registry));
      assert.equal((await ask(registry, client)).status, 200);
    });
  });

  test('a certificate that cannot be used is said at the start', async () => {
    const port = await freePort();
    const result = await runProgram([process.execPath, 'dist/gantry-registry.js', 'serve'], {
      env: {
        REGISTRY_HTTP_ADDR: `127.0.0.1:${port}`,
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(directory, 'data'),
        REGISTRY_HTTP_TLS_CERTIFICATE: join(directory, 'missing.pem'),
        REGISTRY_HTTP_TLS_KEY: join(directory, 'missing.key'),
      },
    });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /cannot use the TLS certificate: ENOENT.*\n.*http\.tls/);
  });
});

describe('configuration', () => {
  test('SIGHUP takes what can be changed, names what cannot, and a broken file changes nothing', async () => {
    await using({}, async (registry) => {
      await pushImage(registry.url, 'team/app', 'v1', image);
      registry.configure({
        storage: {
          filesystem: { rootdirectory: registry.root },
          maintenance: { readonly: { enabled: true } },
        },
        notifications: { endpoints: [{ name: 'one', url: 'http://127.0.0.1:1' }] },
      });
      registry.signal('SIGHUP');
      await registry.until(/notifications changed: that takes a restart/);
      await registry.until(/Reloaded configuration/);
      assert.equal(await statusOf(`${registry.url}/v2/team/app/blobs/uploads/`, { method: 'POST' }), 405);
      assert.equal(await statusOf(`${registry.url}/v2/team/app/manifests/v1`), 200);
      registry.configure({ log: { level: 'loud' } });
      registry.signal('SIGHUP');
      await registry.until(/cannot reload the configuration: .*config\.yml:1: log\.level: expected one of/);
      assert.equal(await statusOf(`${registry.url}/v2/team/app/manifests/v1`), 200);
    });
  });

  test('variables stand above the file; what means nothing is named in the log', async () => {
    const env = {
      REGISTRY_LOG_FORMATTER: 'json',
      REGISTRY_STORAGE_DELETE_ENABLED: 'false',
      REGISTRY_NONSENSE: '1',
    };
    await using({ env, config: { htp: {} } }, async (registry) => {
      const digest = await pushImage(registry.url, 'team/app', 'v1', image);
      const url = `${registry.url}/v2/team/app/manifests/${digest}`;
      assert.equal(await statusOf(url, { method: 'DELETE' }), 405);
      const lines = registry.log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const messages = lines.map(({ level, msg }) => `${level} ${msg}`);
      assert.ok(messages.includes('warn Ignoring unrecognized environment variable REGISTRY_NONSENSE'));
      assert.ok(messages.includes(`warn ${registry.configFile}:1: htp: unknown key; did you mean http?`));
      await registry.untilAnswered(/^{.*"method":"DELETE".*"status":405.*}$/m);
    });
  });

  test('check-config says yes, or what is wrong', async () => {
    await using({}, async (registry) => {
      assert.deepEqual(await registry.command('check-config'), {
        code: 0,
        stdout: 'configuration OK\n',
        stderr: '',
      });
      registry.configure({ http: { addr: 'nowhere' } });
      const { code, stderr } = await registry.command('check-config');
      assert.equal(code, 1);
      assert.match(stderr, /config\.yml:1: http\.addr: expected an address/);
    });
  });

  test('a UNIX socket, a prefix and headers', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-socket-'));
    const socketPath = join(directory, 'socket');
    const http = {
      addr: socketPath,
      net: 'unix',
      prefix: '/images',
      headers: { 'X-Frame-Options': ['DENY'] },
    };
    await using({ http }, async () => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
      request({ socketPath, path: '/images/v2/' }, (response) =>
        resolve([response.resume().statusCode, response.headers['x-frame-options']]),
      )
        .once('error', reject)
        .end();
      assert.deepEqual(await promise, [200, 'DENY']);
    });
    rmSync(directory, { recursive: true });
  });
});

describe('what it says of itself', () => {
  test('health, metrics and the access log', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-health-'));
    const debugPort = await freePort();
    const sick = join(directory, 'out-of-service');
    const config = {
      health: {
        storagedriver: { enabled: true, interval: '100ms' },
        file: [{ file: sick, interval: '100ms' }],
      },
    };
    const http = { debug: { addr: `127.0.0.1:${debugPort}`, prometheus: { enabled: true } } };
    await using({ config, http }, async (registry) => {
      await pushImage(registry.url, 'team/app', 'v1', image);
      const debug = `http://127.0.0.1:${debugPort}`;
      assert.equal(await statusOf(`${debug}/debug/health`), 200);
      const metrics = await (await fetch(`${debug}/metrics`)).text();
      assert.match(metrics, /registry_http_requests_total\{[^}]*method="put"[^}]*\} [1-9]/i);
      assert.equal(await statusOf(`${debug}/v2/`), 404);
      copyFileSync(registry.configFile, sick);
      const healthStatus = async (): Promise<number> => await statusOf(`${debug}/debug/health`);
      for (let waited = 0; waited < 3000 && (await healthStatus()) !== 503; waited += 50) await sleep(50);
      const answer = await fetch(`${debug}/debug/health`);
      assert.deepEqual([answer.status, await answer.json()], [503, { [sick]: 'file exists' }]);
      assert.equal(await statusOf(`${registry.url}/v2/`), 503);
      rmSync(sick);
      for (let waited = 0; waited < 3000 && (await healthStatus()) !== 200; waited += 50) await sleep(50);
      assert.equal(await statusOf(`${registry.url}/v2/`), 200);
      await registry.untilAnswered(
        /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:[\d:]+ \+0000\] "PUT \/v2\/team\/app\/manifests\/v1 HTTP\/1\.1" 201 \d+ "" "node"$/m,
      );
    });
    rmSync(directory, { recursive: true });
  });
});
