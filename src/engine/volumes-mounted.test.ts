import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineParts } from '../../test/support/engine-parts.ts';
import { isEngineError } from '../errors/engine-error.ts';
import type { CommandRequest, CommandResult } from '../host/launcher-types.ts';
import { mountVolume, withoutSecrets } from './volumes-mounted.ts';

/** A mount(8) that refuses, as one that tells all it was given. */
function refusing(stderr: string) {
  const asked: string[][] = [];
  const run = async ({ argv }: CommandRequest): Promise<CommandResult> => {
    asked.push([...argv]);
    return {
      exitCode: 32,
      signal: null,
      timedOut: false,
      stdout: Buffer.alloc(0),
      stderr: Buffer.from(stderr),
    };
  };
  return { asked, launcher: { run } };
}

test('the address of a server is resolved for nfs and cifs alone', async (context) => {
  const parts = await engineParts(context);
  const { asked, launcher } = refusing('mount: refused');
  const optionsOf = async (type: string, o: string): Promise<string | undefined> => {
    const name = `volume${asked.length}`;
    parts.volumes.create({ name, driver: 'local', driverOpts: { type, o, device: ':/x' }, labels: {} });
    await assert.rejects(mountVolume({ ...parts, launcher }, name, 'holder'), /failed to mount local volume/);
    return asked.at(-1)?.[asked.at(-1)?.indexOf('-o') === -1 ? 0 : (asked.at(-1)?.indexOf('-o') ?? 0) + 1];
  };
  assert.match((await optionsOf('nfs', 'addr=localhost,rw')) ?? '', /^addr=(127\.0\.0\.1|::1),rw$/);
  assert.match((await optionsOf('cifs', 'addr=localhost')) ?? '', /^addr=(127\.0\.0\.1|::1)$/);
  assert.equal(await optionsOf('nfs4', 'addr=10.0.0.1,rw'), 'addr=10.0.0.1,rw');
  assert.equal(await optionsOf('ext4', 'addr=localhost'), 'addr=localhost');
});

test('a server that nobody knows, and a mount that fails, are said in the words of Docker, without the password', async (context) => {
  const parts = await engineParts(context);
  const { launcher } = refusing(
    'mount error(13): denied username=me,password=geheim,rw\nRefer to mount.cifs(8)',
  );
  const make = (name: string, type: string, o: string): unknown =>
    parts.volumes.create({
      name,
      driver: 'local',
      driverOpts: { type, o, device: '//server/x' },
      labels: {},
    });
  make('unknown', 'nfs', 'addr=no-such-host.invalid');
  make('denied', 'cifs', 'username=me,password=geheim,rw');
  await assert.rejects(
    mountVolume({ ...parts, launcher }, 'unknown', 'holder'),
    /^EngineError: error while mounting volume '.*unknown\/_data': error resolving passed in network volume address: no-such-host\.invalid$/,
  );
  await assert.rejects(mountVolume({ ...parts, launcher }, 'denied', 'holder'), (error) => {
    assert.ok(isEngineError(error, 'failed-precondition'));
    assert.match(
      error.message,
      /^error while mounting volume '.*denied\/_data': failed to mount local volume: /,
    );
    assert.match(error.message, /username=me,password=\*{8},rw$/);
    return true;
  });
});

test('all kinds of secrets are hidden', () => {
  const options = ['pass=a1', 'password2=b2', 'secret=c3', 'rw'];
  assert.equal(
    withoutSecrets('pass=a1 b2 secret=c3 rw', options),
    'pass=******** ******** secret=******** rw',
  );
});
