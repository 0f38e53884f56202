/** gantry beside the stock docker CLI on one daemon and a registry that asks for a password: what travels, and what is listed and removed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { type CommandResult, dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';
import { buildBusyboxImage, buildIndex } from '../support/image-fixtures.ts';
import { hasRegistry, pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';

const docker = dockerCli ?? '';
const skip =
  dockerCli === undefined || !hasRegistry() ? 'this host has no docker CLI or no docker-registry' : false;

interface Stage {
  /** One command line; REG is the registry, FOLDER a directory of its own. */
  run: (client: string, line: string) => Promise<CommandResult>;
  /** What differs from stage to stage by chance, under names that don't. */
  steady: (text: string) => string;
  close: () => Promise<void>;
}

/** A daemon with a container, and a registry with an image and an index, all new. */
async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-travel-'));
  const cleanups = [async () => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  };
  try {
    const registry = await startRegistry({ htpasswd: `me:${bcrypt.hashSync('pw', 4)}` });
    cleanups.push(() => registry.stop());
    await fillRegistry(registry);
    const daemon = await TestDaemon.start();
    cleanups.push(() => daemon.close());
    await daemon.ok([
      'run',
      '--name',
      'made',
      'busybox',
      'sh',
      '-c',
      'echo x >/new; rm /etc/group; mkdir /d',
    ]);
    const id = await daemon.ok(['ps', '-aq', '--no-trunc']);
    const named: ReadonlyArray<readonly [from: string, to: string]> = [
      [registry.host, 'REG'],
      [folder, 'FOLDER'],
      [id, 'ID'],
      [id.slice(0, 12), 'ID'],
      ["'gantry ", "'docker "],
      ['gantry:', 'docker:'],
    ];
    return {
      run: (client, line) => {
        const words = line.replaceAll('REG', registry.host).replaceAll('FOLDER', folder).split(' ');
        const env = { DOCKER_CONFIG: join(folder, 'config') };
        return runProgram([client, '-H', daemon.host, ...words], { env, timeout: 20_000 });
      },
      steady: (text) => named.reduce((given, [from, to]) => given.replaceAll(from, to), withoutAges(text)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function fillRegistry(registry: TestRegistry): Promise<void> {
  const headers = { authorization: `Basic ${Buffer.from('me:pw').toString('base64')}` };
  await pushImage(registry.url, 'lib/single', '1', buildBusyboxImage(), headers);
  const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  const images = [
    buildBusyboxImage({ format: 'docker' }),
    buildBusyboxImage({ format: 'docker', platform: arm }),
  ];
  for (const image of images)
    await pushImage(registry.url, 'lib/list', image.manifest.digest, image, headers);
  const index = buildIndex(images, 'docker');
  await fetch(`${registry.url}/v2/lib/list/manifests/1`, {
    method: 'PUT',
    body: new Uint8Array(index.data),
    headers: { ...headers, 'content-type': index.mediaType },
  });
}

/** Ages in words and the widths that they need. */
function withoutAges(text: string): string {
  return text
    .replace(
      /\b(About an? \w+|Less than a second|\d+ (second|minute|hour|day|week|month|year)s?)( ago\b)?/g,
      'AGE',
    )
    .replace(/\b2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d\b/g, 'TIME')
    .replace(/ {2,}/g, '  ');
}

describe('with a registry', { skip }, () => {
  const steps: readonly string[] = [
    'pull REG/lib/single:1',
    'push REG/lib/busybox:1',
    'login -u me -p bad REG',
    'login -u me -p pw REG',
    'login REG',
    'tag busybox REG/lib/busybox:1',
    'push REG/lib/busybox:1',
    'push REG/lib/busybox:1',
    'push REG/lib/busybox',
    'push -q REG/lib/busybox:1',
    'tag busybox REG/lib/busybox:2',
    'push -a REG/lib/busybox',
    'push nothing/here:1',
    'pull REG/lib/single:1',
    'pull REG/lib/single:1',
    'pull -q REG/lib/single:1',
    'pull REG/lib/single:nope',
    'pull REG/lib/nope',
    'pull -a REG/lib/busybox',
    'run --rm --pull always -q REG/lib/single:1 true',
    'images --digests REG/lib/*',
    'images -f reference=REG/lib/single -f dangling=false',
    'images --filter since=busybox --filter label=nope',
    'images --filter zork=1',
    'image inspect REG/lib/single:1 --format {{.RepoTags}}{{.RepoDigests}}{{.Size}}{{.Parent}}',
    'image inspect REG/lib/single:1 --format {{.x',
    'manifest inspect --insecure REG/lib/single:1',
    'manifest inspect --insecure -v REG/lib/single:1',
    'manifest inspect --insecure REG/lib/list:1',
    'manifest inspect --insecure -v REG/lib/list:1',
    'manifest inspect --insecure REG/lib/list:nope',
    'diff made',
    'diff nope',
    'export nope',
    'export -o FOLDER/made.tar made',
    'save -o FOLDER/saved.tar REG/lib/single:1 REG/lib/busybox:1',
    'save -o FOLDER/saved.tar nope',
    'rmi REG/lib/single:1 REG/lib/busybox:1 REG/lib/busybox:2',
    'load -i FOLDER/saved.tar',
    'load -q -i FOLDER/saved.tar',
    'load --platform linux/s390x -i FOLDER/saved.tar',
    'rmi busybox',
    'rmi -f nope',
    'system df',
    'system df -v',
    'system df --format json',
    'system df -v --format {{range.Images}}{{.ID}}{{.UniqueSize}}{{end}}{{len(.Volumes)}}',
    'system df -v --format json',
    'logout REG',
    'push REG/lib/busybox:1',
    'rmi REG/lib/single:1 REG/lib/busybox:1',
    'image prune -f',
    'image prune -af --filter until=1h --filter label!=x',
    'history busybox',
    'system prune -f',
    'system prune -af --volumes --filter label!=x',
  ];

  test('the same steps have the same words', { timeout: 60_000 }, async () => {
    const [theirs, ours] = [await play(docker, steps), await play('bin/gantry', steps)];
    assert.deepEqual(ours, theirs);
    assert.match(theirs[6] ?? '', /^1: digest: sha256:[0-9a-f]{64} size: \d+$/m);
  });
});

async function play(client: string, lines: readonly string[]): Promise<string[]> {
  const stage = await openStage();
  try {
    const said: string[] = [];
    for (const line of lines) {
      const { code, stdout, stderr } = await stage.run(client, line);
      said.push(`> ${line}\n${code}\n${stage.steady(stdout)}${stage.steady(stderr)}`);
    }
    return said;
  } finally {
    await stage.close();
  }
}
