import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerResolvConf, parseResolvConf, usesLocalStub } from './resolv-conf.ts';

const parse = (text: string) =>
  parseResolvConf(containerResolvConf({ host: parseResolvConf(text), ipv6: false }));

test('a file is read as resolvers read it', () => {
  const text =
    '# top\ndomain old.example\nnameserver 10.0.0.1 # office\n nameserver  fd00::53\nnameserver bad\nsearch a.example b.example\noptions ndots:2 rotate\noptions edns0';
  assert.deepEqual(parseResolvConf(text), {
    nameservers: ['10.0.0.1', 'fd00::53'],
    search: ['a.example', 'b.example'],
    options: ['ndots:2', 'rotate', 'edns0'],
  });
});

test('the container gets the host’s servers but those on loopback', () => {
  assert.deepEqual(
    parse('nameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.1\nsearch x.example').nameservers,
    ['10.0.0.1'],
  );
});

test('where none is left, public ones stand in', () => {
  assert.deepEqual(parse('nameserver 127.0.0.53').nameservers, ['8.8.8.8', '8.8.4.4']);
});

test('IPv6 servers are for containers with IPv6', () => {
  const host = parseResolvConf('nameserver fd00::53\nnameserver 10.0.0.1');
  assert.doesNotMatch(containerResolvConf({ host, ipv6: false }), /fd00/);
  assert.match(containerResolvConf({ host, ipv6: true }), /nameserver fd00::53\nnameserver 10\.0\.0\.1\n/);
});

test('what was asked for wins, part by part', () => {
  const host = parseResolvConf('nameserver 10.0.0.1\nsearch host.example\noptions rotate');
  const overrides = { nameservers: ['127.0.0.1'], search: ['.'], options: ['ndots:0'] };
  const text = containerResolvConf({ host, overrides, ipv6: false });
  assert.deepEqual(parseResolvConf(text), { nameservers: ['127.0.0.1'], search: [], options: ['ndots:0'] });
  assert.match(
    containerResolvConf({ host, overrides: { search: [] }, ipv6: false }),
    /search host\.example\noptions rotate\n$/,
  );
});

test('in the host’s network loopback is the host’s', () => {
  const host = parseResolvConf('nameserver 127.0.0.53');
  assert.match(containerResolvConf({ host, ipv6: false, keepLoopback: true }), /nameserver 127\.0\.0\.53/);
  assert.ok(usesLocalStub(host));
  assert.ok(!usesLocalStub(parseResolvConf('nameserver 127.0.0.53\nnameserver 10.0.0.1')));
  assert.ok(!usesLocalStub(parseResolvConf('')));
});

test('on a network with a name service that is asked, names without a dot first as they are', () => {
  const host = parseResolvConf('nameserver 192.0.2.1\nsearch example.org\noptions timeout:1\n');
  const file = containerResolvConf({ host, ipv6: false, nameServices: ['172.18.0.1'] });
  assert.match(file, /^nameserver 172\.18\.0\.1$/m);
  assert.doesNotMatch(file, /192\.0\.2\.1/);
  assert.match(file, /^options timeout:1 ndots:0$/m);
  const own = { options: ['ndots:2'] };
  assert.match(
    containerResolvConf({ host, ipv6: false, nameServices: ['172.18.0.1'], overrides: own }),
    /^options ndots:2$/m,
  );
});
