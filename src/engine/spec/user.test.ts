/** Users and groups resolve as Docker resolves them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { resolveUser } from './user.ts';

const passwd = `# comment
root:x:0:0:root:/root:/bin/sh
alice:x:1000:1000:,,,:/home/alice:/bin/sh
broken
1000:x:5:6::/numeric:/bin/sh
nohome:x:7:7
`;
const group = 'root:x:0:\nalice:x:1000:\naudio:x:29:bob,alice\nvideo:x:44:alice\nwheel:x:10:root\n';

const resolve = (user: string, groupAdd: string[] = []) => resolveUser(user, groupAdd, passwd, group);

test('nobody named is root, with root’s groups', () => {
  assert.deepEqual(resolve(''), { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' });
  assert.deepEqual(resolveUser('', [], '', ''), { uid: 0, gid: 0, additionalGids: [0], home: '/' });
});

test('names and numbers, with the groups they are in', () => {
  assert.deepEqual(resolve('alice'), {
    uid: 1000,
    gid: 1000,
    additionalGids: [1000, 29, 44],
    home: '/home/alice',
  });
  assert.deepEqual(resolve('1000'), resolve('alice'));
  assert.deepEqual(resolve('4321'), { uid: 4321, gid: 0, additionalGids: [0], home: '/' });
  assert.equal(resolve('nohome').home, '/');
});

test('an explicit group replaces them', () => {
  assert.deepEqual(resolve('alice:video'), { uid: 1000, gid: 44, additionalGids: [44], home: '/home/alice' });
  assert.deepEqual(resolve('0:999').additionalGids, [999]);
});

test('--group-add, without doubles', () => {
  assert.deepEqual(resolve('alice', ['audio', '777', '29']).additionalGids, [1000, 29, 44, 777]);
});

test('what is unknown fails in Docker’s words', () => {
  const fails = (user: string, message: string, groupAdd: string[] = []) =>
    assert.throws(() => resolve(user, groupAdd), { message, code: 'internal' });
  fails('foo', 'unable to find user foo: no matching entries in passwd file');
  fails('alice:foo', 'unable to find group foo: no matching entries in group file');
  fails('', 'Unable to find group foo', ['foo']);
  fails('4294967296', 'uids and gids must be in range 0-2147483647');
  fails('-1', 'uids and gids must be in range 0-2147483647');
  fails('0:2147483648', 'uids and gids must be in range 0-2147483647');
});

test('no content of the files makes it throw anything but an EngineError, or give an ID out of range', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (user, passwdText, groupText) => {
      try {
        const { uid, gid } = resolveUser(user, [], passwdText, groupText);
        assert.ok(Number.isSafeInteger(uid) && Number.isSafeInteger(gid));
      } catch (error) {
        assert.ok(isEngineError(error), String(error));
      }
    }),
  );
});
