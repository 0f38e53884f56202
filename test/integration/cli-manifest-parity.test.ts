/** Lists of manifests made by gantry and by the stock docker client: the same files, the same words, the same bytes in the registry. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';
import { buildBusyboxImage } from '../support/image-fixtures.ts';
import { hasRegistry, pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';

const docker = dockerCli ?? '';
const skip =
  dockerCli === undefined || !hasRegistry() ? 'this host has no docker CLI or no docker-registry' : false;

describe('manifest', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-manifests-'));
  let registry: TestRegistry;
  let daemon: TestDaemon;
  before(async () => {
    registry = await startRegistry();
    for (const format of ['docker', 'oci'] as const) {
      const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
      await pushImage(registry.url, `lib/${format}`, 'amd', buildBusyboxImage({ format }));
      await pushImage(registry.url, `lib/${format}`, 'arm', buildBusyboxImage({ format, platform: arm }));
    }
    daemon = await TestDaemon.start({ busybox: false });
  });
  after(async () => {
    await daemon?.close();
    await registry?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function run(client: string, config: string, line: string): Promise<CommandResult> {
    const words = line.replaceAll('REG', registry.host).split(' ');
    const env = { DOCKER_CONFIG: join(folder, config) };
    return runProgram([client, '-H', daemon.host, 'manifest', ...words], { env, timeout: 20_000 });
  }

  /** What a client keeps, by the name of its file. */
  function kept(config: string): Record<string, unknown> {
    const root = join(folder, config, 'manifests');
    const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    return Object.fromEntries(
      names.map((one) => {
        const path = join(one.parentPath, one.name);
        return [path.slice(root.length), JSON.parse(readFileSync(path, 'utf8'))];
      }),
    );
  }

  async function inRegistry(name: string, reference: string): Promise<{ type: string | null; text: string }> {
    const accept =
      'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
    const response = await fetch(`${registry.url}/v2/${name}/manifests/${reference}`, {
      headers: { accept },
    });
    return { type: response.headers.get('content-type'), text: await response.text() };
  }

  const steps = (format: string): string[] => [
    `create --insecure REG/LIST:1 REG/lib/${format}:amd REG/lib/${format}:arm`,
    `create --insecure REG/LIST:1 REG/lib/${format}:amd`,
    `inspect REG/LIST:1`,
    `inspect -v REG/LIST:1`,
    `inspect REG/LIST:1 REG/lib/${format}:amd`,
    `inspect -v REG/LIST:1 REG/lib/${format}:arm`,
    `inspect REG/LIST:1 REG/lib/${format}:zork`,
    `annotate --arch arm --variant v7 --os-version 1 --os-features a,b REG/LIST:1 REG/lib/${format}:arm`,
    `annotate --arch zork REG/LIST:1 REG/lib/${format}:amd`,
    `annotate --arch arm REG/LIST:1 REG/lib/${format}:zork`,
    `annotate --arch arm Bad REG/lib/${format}:zork`,
    `create --amend --insecure REG/LIST:1 REG/lib/${format}:amd`,
    `inspect REG/LIST:1`,
    `push --insecure REG/LIST:1`,
    `push --insecure -p REG/LIST:1`,
    `push --insecure REG/LIST:1`,
    `rm REG/LIST:1`,
    `create --insecure REG/lib/${format}:both REG/lib/${format}:amd REG/lib/${format}:nope`,
    `create --insecure REG/LIST:2 REG/lib/${format}:amd`,
    `rm REG/LIST:2 REG/LIST:3`,
    `create --insecure other.example/list:1 REG/lib/${format}:amd`,
    `push --insecure other.example/list:1`,
    'create BAD x',
  ];

  for (const format of ['docker', 'oci']) {
    test(`${format}: step by step`, async () => {
      const named = (text: string) =>
        text.replaceAll(/lists\/(gantry|docker)-/g, 'lists/').replaceAll(/lists_(gantry|docker)-/g, 'lists_');
      for (const step of steps(format)) {
        const results: unknown[] = [];
        for (const [config, client] of [
          [`gantry-${format}`, 'bin/gantry'],
          [`docker-${format}`, docker],
        ] as const) {
          const { code, stdout, stderr } = await run(
            client,
            config,
            step.replaceAll('LIST', `lists/${config}`),
          );
          // Gantry adds how to mend it in further lines.
          results.push({
            code,
            stdout: named(stdout),
            stderr: named(stderr).split('\n')[0],
            kept: keptOf(config),
          });
        }
        assert.deepEqual(results[0], results[1], step);
      }
      const ours = await inRegistry(`lists/gantry-${format}`, '1');
      assert.deepEqual(ours, await inRegistry(`lists/docker-${format}`, '1'));
      const list: { manifests: Array<{ digest: string }> } = JSON.parse(ours.text);
      assert.equal(list.manifests.length, 2);
      for (const { digest } of list.manifests) {
        const brought = await inRegistry(`lists/gantry-${format}`, digest);
        assert.deepEqual(brought, await inRegistry(`lib/${format}`, digest));
      }

      function keptOf(config: string): unknown {
        try {
          return JSON.parse(named(JSON.stringify(kept(config))));
        } catch {
          return {};
        }
      }
    });
  }

  test('the other client goes on where one began', async () => {
    const made = await run('bin/gantry', 'shared', 'create --insecure REG/shared:1 REG/lib/oci:amd');
    assert.equal(made.code, 0, made.stderr);
    const amended = await run(docker, 'shared', 'create --amend --insecure REG/shared:1 REG/lib/oci:arm');
    assert.equal(amended.code, 0, amended.stderr);
    const annotated = await run(
      'bin/gantry',
      'shared',
      'annotate --os-features x REG/shared:1 REG/lib/oci:arm',
    );
    assert.equal(annotated.code, 0, annotated.stderr);
    const pushed = await run(docker, 'shared', 'push --insecure REG/shared:1');
    assert.equal(pushed.code, 0, pushed.stderr);
    const list: { manifests: unknown[] } = JSON.parse((await inRegistry('shared', '1')).text);
    assert.equal(list.manifests.length, 2);
  });
});
