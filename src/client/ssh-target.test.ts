/** Hosts by ssh: what is taken from the address, what is refused, and the command that ssh is given. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parseSshTarget, sshArguments } from './ssh-target.ts';

test('user, host, port and path', () => {
  assert.deepEqual(parseSshTarget('ssh://host'), { host: 'host' });
  assert.deepEqual(parseSshTarget('ssh://me@host:2222/run/x.sock'), {
    user: 'me',
    host: 'host',
    port: '2222',
    path: '/run/x.sock',
  });
  assert.deepEqual(parseSshTarget('ssh://me@[::1]:22/'), { user: 'me', host: '::1', port: '22' });
});

test('what ssh should not be given is refused in docker’s words', () => {
  const cases = [
    ['ssh://', 'hostname is empty'],
    ['ssh://me@', 'hostname is empty'],
    ['ssh://a:b@c', 'plain-text password is not supported'],
    ['ssh://a/b?c', 'query parameters are not allowed: "c"'],
    ['ssh://a/b#c', 'fragments are not allowed: "c"'],
  ] as const;
  for (const [address, why] of cases)
    assert.throws(() => parseSshTarget(address), {
      code: 'invalid-argument',
      message: `ssh host connection is not valid: invalid SSH URL: ${why}`,
    });
});

test('a host can not become an option, nor a path a command', () => {
  const args = sshArguments({ host: '-oProxyCommand=touch x' });
  assert.equal(args[args.indexOf('--') + 1], '-oProxyCommand=touch x');
  for (const path of ['/a"; touch x; "', "/a'b", '/$(touch x)', '/`x`', '/a\\b', '/a\nb'])
    assert.throws(() => sshArguments({ host: 'h', path }), { message: /marks of the shell/ }, path);
});

test('every login shell takes the command as it is meant', () => {
  const command = sshArguments({ host: 'h', path: '/run/a b.sock' }).at(-1) ?? '';
  const traced = spawnSync('sh', ['-c', command.replace(/exec docker/, 'exec printf "%s|"')], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
    timeout: 10_000,
  });
  assert.equal(traced.stdout, '--host|unix:///run/a b.sock|system|dial-stdio|');
});
