/** Devices are found as Docker finds them, and what is none is refused in its words. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deviceNumbers, gatherBlockDevices, gatherDevices } from './devices.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-devices-'));
after(() => rmSync(directory, { recursive: true }));

const ask = (pathOnHost: string, pathInContainer = '', cgroupPermissions = 'rw') =>
  gatherDevices([{ pathOnHost, pathInContainer, cgroupPermissions }], { privileged: false });

test('a device, and a link to it, with the permissions asked for', async () => {
  const zero = { type: 'c', major: 1, minor: 5, mode: 0o666, uid: 0, gid: 0, access: 'rw' };
  assert.deepEqual(await ask('/dev/zero', '/dev/mine'), [{ path: '/dev/mine', ...zero }]);
  const link = join(directory, 'link');
  symlinkSync('/dev/zero', link);
  assert.deepEqual(await ask(link), [{ path: link, ...zero }]);
});

test('what is no device is refused', async () => {
  const error = 'error gathering device information while adding custom device';
  await assert.rejects(ask('/dev/gantry-none'), {
    message: `${error} "/dev/gantry-none": no such file or directory`,
  });
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await assert.rejects(ask(file), { message: `${error} "${file}": not a device node`, code: 'internal' });
  mkdirSync(join(directory, 'empty'));
  await assert.rejects(ask(join(directory, 'empty')), /not a device node/);
});

test('a directory gives all devices below it; a privileged container gets the host’s', async () => {
  const privileged = await gatherDevices(
    [{ pathOnHost: '/dev/null', pathInContainer: '/dev/other', cgroupPermissions: 'r' }],
    {
      privileged: true,
    },
  );
  const paths = privileged.map((device) => device.path);
  assert.ok(paths.includes('/dev/null') && paths.includes('/dev/other'));
  assert.ok(!paths.some((path) => path.startsWith('/dev/pts') || path === '/dev/console'));
  assert.equal(privileged.at(-1)?.access, 'rwm');
  const below = await ask('/dev', '/hostdev');
  assert.ok(below.some((device) => device.path === '/hostdev/null'));
});

test('numbers of large devices, and of those that limits name', async () => {
  assert.deepEqual(deviceNumbers(0x10_3), { major: 1, minor: 3 });
  assert.deepEqual(deviceNumbers(0x12_3fd_08), { major: 0x3fd, minor: 0x1208 });
  assert.deepEqual(
    await gatherBlockDevices(['/dev/null', '/dev/null']),
    new Map([['/dev/null', { major: 1, minor: 3 }]]),
  );
  await assert.rejects(gatherBlockDevices(['/dev/gantry-none']), {
    message: 'stat /dev/gantry-none: no such file or directory',
  });
});
