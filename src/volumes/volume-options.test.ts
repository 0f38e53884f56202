import assert from 'node:assert/strict';
import { test } from 'node:test';
import { volumeBacking } from './volume-options.ts';

test('no options mean a directory', () => {
  assert.deepEqual(volumeBacking({}), { kind: 'directory' });
});

test('a bind means another directory of the host', () => {
  const bind = { kind: 'bind', path: '/srv' };
  assert.deepEqual(volumeBacking({ type: 'none', o: 'bind', device: '/srv' }), bind);
  assert.deepEqual(volumeBacking({ type: 'none', o: 'rw,rbind', device: '/srv' }), bind);
});

test('anything else is a file system', () => {
  assert.deepEqual(volumeBacking({ type: 'nfs', o: 'addr=10.0.0.1,,rw', device: ':/export' }), {
    kind: 'filesystem',
    filesystem: { type: 'nfs', device: ':/export', options: ['addr=10.0.0.1', 'rw'] },
  });
});
