/** Makes the image of the registry: image-registry.ts [--output FILE] [--load]. Needs a build; see docs/registry.md. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../package.json' with { type: 'json' };
import { forgetOthers, imageArchive, type Layer, makeLayer } from './image-registry/archive.ts';
import { baseTree } from './image-registry/base.ts';
import { programTree } from './image-registry/program.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const tag = 'registry:2';

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** Seconds since the epoch: the newest commit's time, so that the same sources give the same image. */
function createdAt(): number {
  const told = process.env['SOURCE_DATE_EPOCH'];
  if (told !== undefined) return Number(told);
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return Number(stdout ?? '') || 0;
}

function config(layers: readonly Layer[]): object {
  const created = new Date(createdAt() * 1000).toISOString().replace('.000Z', 'Z');
  return {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    created,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: ['/entrypoint.sh'],
      Cmd: ['/etc/docker/registry/config.yml'],
      WorkingDir: '/',
      ExposedPorts: { '5000/tcp': {} },
      Volumes: { '/var/lib/registry': {} },
      Labels: {
        'org.opencontainers.image.title': 'gantry-registry',
        'org.opencontainers.image.description': 'An OCI registry, with the configuration of registry:2',
        'org.opencontainers.image.version': manifest.version,
        'org.opencontainers.image.licenses': manifest.license,
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((layer) => ({ created, created_by: layer.comment })),
  };
}

function load(file: string): void {
  const candidates = ['docker', join(root, 'bin/gantry')];
  const program = candidates.find((one) => spawnSync(one, ['--version']).status === 0);
  if (program === undefined) throw new Error('there is neither docker nor bin/gantry to load the image with');
  const { status } = spawnSync(program, ['load', '-i', file], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} load failed`);
}

const { values } = parseArgs({ options: { output: { type: 'string' }, load: { type: 'boolean' } } });
for (const name of ['gantry-registry.js', 'bcrypt-worker.js'])
  if (!existsSync(join(dist, name))) throw new Error(`dist/${name} is missing: run npm run build`);
const output = values.output ?? join(dist, 'registry-2.tar');
const node = join(root, 'node_modules/.bin/node');
const cache = join(dist, 'layers');
const layers = [
  makeLayer(
    await baseTree(existsSync(node) ? realpathSync(node) : process.execPath).tar(),
    'Node.js and busybox',
    cache,
  ),
  makeLayer(await programTree(dist, join(root, 'LICENSE')).tar(), 'gantry-registry', cache),
];
forgetOthers(cache, layers);
const archive = await imageArchive(config(layers), layers, tag);
mkdirSync(dirname(output), { recursive: true });
writeFileSync(output, archive.data);
const size = layers.reduce((total, layer) => total + readFileSync(layer.file).length, 0);
process.stdout.write(`${tag} ${archive.digest} (${(size / 1e6).toFixed(1)} MB compressed) in ${output}\n`);
if (values.load === true) load(output);
else process.stdout.write(`Load it with: docker load -i ${output}\n`);
