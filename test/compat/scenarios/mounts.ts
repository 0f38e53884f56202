/** Mounts in all their forms: what is made of them, what a container sees, and what is refused. */
import type { Scenario, Side } from '../side.ts';

/** Asked for on the command line of `create`; `DIR` is a directory of the host, `FILE` a file in it. */
const forms: Record<string, string> = {
  'v anonymous': '-v /x',
  'v named': '-v compat-m:/x',
  'v ro': '-v compat-m:/x:ro',
  'v nocopy': '-v compat-m:/x:nocopy',
  'v ro nocopy': '-v compat-m:/x:ro,nocopy',
  'v z': '-v compat-m:/x:z',
  'v unclean': '-v compat-m:/a/../x//',
  'v twice': '-v compat-m:/x -v compat-m:/x/',
  'v root': '-v compat-m:/',
  'v relative': '-v compat-m:x',
  'v volume propagation': '-v compat-m:/x:rshared',
  'v two accesses': '-v compat-m:/x:ro,rw',
  bind: '-v DIR:/x',
  'bind ro': '-v DIR:/x:ro',
  'bind rprivate': '-v DIR:/x:rprivate',
  'bind private ro': '-v DIR:/x:private,ro',
  'bind two propagations': '-v DIR:/x:private,shared',
  'bind nocopy': '-v DIR:/x:nocopy',
  'bind file': '-v FILE:/x',
  'bind file over a directory': '-v FILE:/etc',
  'mount bind': '--mount type=bind,source=DIR,target=/x',
  'mount bind ro': '--mount type=bind,src=DIR,dst=/x,ro',
  'mount bind readonly': '--mount type=bind,src=DIR,destination=/x,readonly=true',
  'mount bind propagation': '--mount type=bind,src=DIR,dst=/x,bind-propagation=private',
  'mount bind bad propagation': '--mount type=bind,src=DIR,dst=/x,bind-propagation=up',
  'mount bind missing': '--mount type=bind,src=DIR/none,dst=/x',
  'mount bind no source': '--mount type=bind,dst=/x',
  'mount bind with volume option': '--mount type=bind,src=DIR,dst=/x,volume-nocopy',
  'mount volume': '--mount type=volume,src=compat-m,dst=/x',
  'mount default type': '--mount src=compat-m,dst=/x',
  'mount volume ro': '--mount src=compat-m,dst=/x,readonly',
  'mount volume nocopy': '--mount src=compat-m,dst=/x,volume-nocopy=true',
  'mount volume label': '--mount src=compat-l,dst=/x,volume-label=a=b',
  'mount volume driver': '--mount src=compat-l,dst=/x,volume-driver=local',
  'mount volume anonymous': '--mount type=volume,dst=/x',
  'mount volume bad name': '--mount src=a!b,dst=/x',
  'mount volume tmpfs':
    '--mount type=volume,src=compat-t,dst=/x,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m',
  'mount volume bad option': '--mount src=compat-l,dst=/x,volume-opt=nonsense=1',
  'mount volume without a device': '--mount src=compat-l,dst=/x,volume-opt=type=tmpfs',
  'mount tmpfs': '--mount type=tmpfs,dst=/x',
  'mount tmpfs options': '--mount type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=700',
  'mount tmpfs ro': '--mount type=tmpfs,dst=/x,ro',
  'mount tmpfs source': '--mount type=tmpfs,src=a,dst=/x',
  'mount no target': '--mount type=volume,src=compat-m',
  'mount root': '--mount type=volume,src=compat-m,dst=/',
  'mount nonsense type': '--mount type=nonsense,dst=/x',
  'mount and v': '--mount src=compat-m,dst=/x -v compat-m:/x',
  tmpfs: '--tmpfs /x',
  'tmpfs options': '--tmpfs /x:size=1m,mode=1770,uid=3,gid=4,noexec',
  'tmpfs exec suid': '--tmpfs /x:exec,suid,dev',
  'tmpfs ro': '--tmpfs /x:ro',
  'tmpfs nonsense': '--tmpfs /x:nonsense',
  'tmpfs relative': '--tmpfs x',
  'tmpfs and volume': '--tmpfs /x -v compat-m:/x',
  from: '--volumes-from compat-source',
  'from ro': '--volumes-from compat-source:ro',
  'from rw': '--volumes-from compat-source:rw',
  'from z': '--volumes-from compat-source:z',
  'from nonsense': '--volumes-from compat-source:nonsense',
  'from covered': '--volumes-from compat-source -v /shared',
  'storage size': '--storage-opt size=10m',
};

/** `docker volume create` with these options, and a run that wants what they name. */
const volumes: Record<string, string[]> = {
  bind: ['type=none', 'o=bind', 'device=DIR'],
  'bind missing': ['type=none', 'o=bind', 'device=DIR/none'],
  'bind ro': ['type=none', 'o=bind,ro', 'device=DIR'],
  tmpfs: ['type=tmpfs', 'o=size=1m,uid=5', 'device=tmpfs'],
  'tmpfs bad option': ['type=tmpfs', 'o=nonsense=1', 'device=tmpfs'],
  'no such type': ['type=nonsense', 'device=nonsense'],
  'nfs unknown server': ['type=nfs', 'o=addr=no-such-host.invalid,rw', 'device=:/x'],
  'ext4 no device': ['type=ext4', 'device=/dev/compat-none'],
  'only o': ['o=size=1m'],
  'only device': ['device=tmpfs'],
  size: ['size=1m'],
  'empty type': ['type=', 'device='],
};

const mounts =
  "grep ' /x \\| /shared ' /proc/mounts | sort | sed 's/^[^ ]* //; s/,inode64//; s#[^ ,]*/dev/[a-z0-9]*##'; ls -ld /x /shared 2>/dev/null | cut -c1-10";

/** Each side has a directory of its own on the host, whose name is no difference. */
function neutral(side: Side, value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(`compat-mounts-${side.name}`, 'compat-mounts'));
}

async function tryForm(side: Side, label: string, args: string[]): Promise<void> {
  const name = 'compat-form';
  const created = await side.docker(['create', '--name', name, ...args, 'busybox', 'sh', '-c', mounts]);
  side.note(`${label}: create`, neutral(side, { code: created.code, stderr: created.stderr }));
  if (created.code === 0) {
    const { json } = await side.api('GET', `/containers/${name}/json`);
    const places: Array<{ Destination: string }> = json.Mounts;
    places.sort((one, other) => (one.Destination < other.Destination ? -1 : 1));
    side.note(`${label}: mounts`, neutral(side, places));
    const { Binds, Mounts, Tmpfs, VolumesFrom } = json.HostConfig;
    side.note(`${label}: asked`, neutral(side, { Binds, Mounts, Tmpfs, VolumesFrom }));
    side.note(`${label}: run`, neutral(side, await side.docker(['start', '-a', name])));
  }
  await side.docker(['rm', '-fv', name]);
}

export const mountForms: Scenario = async (side) => {
  const directory = `/tmp/compat-mounts-${side.name}`;
  await side.ok(['run', '--rm', '-v', `${directory}:/d`, 'busybox', 'sh', '-c', 'echo file >/d/file']);
  await side.ok([
    'create',
    '--name',
    'compat-source',
    '-v',
    'compat-s:/shared',
    '-v',
    `${directory}:/x:ro`,
    'busybox',
  ]);
  const fill = (text: string): string =>
    text.replaceAll('DIR', directory).replaceAll('FILE', `${directory}/file`);
  for (const [label, form] of Object.entries(forms)) await tryForm(side, label, fill(form).split(' '));
  for (const [label, options] of Object.entries(volumes)) {
    const flags = options.flatMap((option) => ['-o', fill(option)]);
    await side.cli(`volume ${label}: create`, ['volume', 'create', ...flags, 'compat-o']);
    await tryForm(side, `volume ${label}`, ['-v', 'compat-o:/x']);
    await side.docker(['volume', 'rm', '-f', 'compat-o']);
  }
  await side.ok(['run', '--rm', '-v', '/tmp:/t', 'busybox', 'rm', '-rf', `/t/compat-mounts-${side.name}`]);
  await side.docker(['rm', '-fv', 'compat-source']);
  for (const name of ['m', 'l', 't', 's', 'o']) await side.docker(['volume', 'rm', '-f', `compat-${name}`]);
};
