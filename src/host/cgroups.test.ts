/** Hierarchies are found in mountinfo of every kind of host, and paths lead into them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import {
  cgroupDirectories,
  cgroupRelativePath,
  cgroupsPathOf,
  hierarchyOf,
  modeOf,
  oomFileOf,
  parseHierarchies,
  readCgroupFacts,
} from './cgroups.ts';

const v2Line = (mountpoint: string) =>
  `30 24 0:26 / ${mountpoint} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate`;
const v1Line = (name: string, options = name) =>
  `31 24 0:27 / /sys/fs/cgroup/${name} rw,nosuid shared:9 - cgroup cgroup rw,${options}`;
const none = () => [];

test('a v2 host', () => {
  const hierarchies = parseHierarchies(v2Line('/sys/fs/cgroup'), () => ['cpu', 'memory']);
  assert.equal(modeOf(hierarchies), 'v2');
  assert.deepEqual(hierarchyOf({ hierarchies }, 'memory')?.mountpoint, '/sys/fs/cgroup');
  assert.equal(oomFileOf({ hierarchies }, '/gantry/a'), '/sys/fs/cgroup/gantry/a/memory.events');
});

test('a hybrid host: v1 controllers, named hierarchies, joint mounts and a second mount of the same', () => {
  const text = [
    v1Line('cpu,cpuacct'),
    v1Line('memory'),
    v1Line('systemd', 'xattr,name=systemd'),
    `40 24 0:27 / /mnt/with\\040space rw - cgroup cgroup rw,memory`,
    v2Line('/sys/fs/cgroup/unified'),
    '22 1 0:20 / /proc rw - proc proc rw',
  ].join('\n');
  const hierarchies = parseHierarchies(text, none);
  assert.equal(modeOf(hierarchies), 'hybrid');
  assert.deepEqual(
    hierarchies.map((hierarchy) => hierarchy.controllers),
    [['cpu', 'cpuacct'], ['memory'], ['name=systemd'], []],
  );
  assert.equal(oomFileOf({ hierarchies }, '/gantry/a'), '/sys/fs/cgroup/memory/gantry/a/memory.oom_control');
  assert.deepEqual(cgroupDirectories({ hierarchies }, '/g/a')[2], '/sys/fs/cgroup/systemd/g/a');
});

test('a v1 host, and one without any', () => {
  assert.equal(modeOf(parseHierarchies(v1Line('memory'), none)), 'v1');
  const spaced = '40 24 0:27 / /mnt/a\\040b rw - cgroup cgroup rw,memory';
  assert.equal(parseHierarchies(spaced, none)[0]?.mountpoint, '/mnt/a b');
  assert.deepEqual(parseHierarchies('', none), []);
  assert.equal(oomFileOf({ hierarchies: [] }, '/x'), undefined);
});

test('paths for both drivers, and none that leaves the hierarchy', () => {
  assert.equal(cgroupsPathOf({ driver: 'cgroupfs', parent: '', id: 'c1' }), '/gantry/c1');
  assert.equal(cgroupsPathOf({ driver: 'cgroupfs', parent: 'mine', id: 'c1' }), '/mine/c1');
  assert.equal(cgroupsPathOf({ driver: 'cgroupfs', parent: '../../etc', id: 'c1' }), '/etc/c1');
  assert.equal(cgroupsPathOf({ driver: 'systemd', parent: '', id: 'c1' }), 'system.slice:gantry:c1');
  assert.equal(cgroupRelativePath('system.slice:gantry:c1'), '/system.slice/gantry-c1.scope');
  assert.equal(cgroupRelativePath('a-b.slice:gantry:c1'), '/a.slice/a-b.slice/gantry-c1.scope');
  assert.equal(cgroupRelativePath('/gantry/c1'), '/gantry/c1');
});

test('this host: each hierarchy is there', () => {
  const facts = readCgroupFacts();
  assert.ok(facts.hierarchies.length > 0);
  for (const { mountpoint } of facts.hierarchies)
    assert.ok(existsSync(`${mountpoint}/cgroup.procs`), mountpoint);
});
