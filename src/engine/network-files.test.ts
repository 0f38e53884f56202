/** hosts, resolv.conf and their like. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import {
  hostsFile,
  hostsFileOfHost,
  namesOnlyStub,
  parseExtraHost,
  resolvConfFile,
} from './network-files.ts';

const plain = { nameservers: [], search: [], options: [], sharesHostNetwork: false };

test('hosts has the loopback, the additional hosts and the container itself', () => {
  const content = hostsFile({
    addresses: ['172.18.0.2'],
    names: ['web.example.org', 'web'],
    extraHosts: ['db:10.0.0.9', 'six=[fe80::1]', 'up:host-gateway'],
    hostGateway: '172.18.0.1',
  });
  const lines = content.split('\n');
  assert.equal(lines[0], '127.0.0.1\tlocalhost');
  assert.ok(content.endsWith('172.18.0.2\tweb.example.org web\n'));
  for (const line of ['10.0.0.9\tdb', 'fe80::1\tsix', '172.18.0.1\tup'])
    assert.ok(lines.includes(line), line);
});

test("the host's own file is kept as it is, with the additional hosts after it", () => {
  const given = { extraHosts: [], hostGateway: undefined };
  assert.equal(hostsFileOfHost('127.0.0.1 me', given), '127.0.0.1 me');
  assert.equal(
    hostsFileOfHost('127.0.0.1 me', { ...given, extraHosts: ['a:1.2.3.4'] }),
    '127.0.0.1 me\n1.2.3.4\ta\n',
  );
});

test('bad entries of add-host are refused', () => {
  for (const entry of ['nothing', 'a:', ':1.2.3.4', 'a:not an address']) {
    assert.throws(
      () => parseExtraHost(entry),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
      entry,
    );
  }
});

test('name servers of the loopback are left out, and replaced where none is left', () => {
  const host = 'nameserver 127.0.0.53\nnameserver 10.1.1.1 # ours\nsearch a.org b.org\noptions ndots:2\n';
  assert.equal(
    resolvConfFile({ ...plain, host }),
    'nameserver 10.1.1.1\nsearch a.org b.org\noptions ndots:2\n',
  );
  assert.equal(
    resolvConfFile({ ...plain, host: 'nameserver 127.0.0.1\n' }),
    'nameserver 8.8.8.8\nnameserver 8.8.4.4\n',
  );
  assert.equal(
    resolvConfFile({ ...plain, host: 'nameserver 127.0.0.1\n', sharesHostNetwork: true }),
    'nameserver 127.0.0.1\n',
  );
});

test("what the user gives replaces the host's, and a lone dot clears the search", () => {
  assert.equal(
    resolvConfFile({
      ...plain,
      host: 'nameserver 10.1.1.1\nsearch a.org\n',
      nameservers: ['1.1.1.1'],
      search: ['.'],
      options: ['timeout:1'],
    }),
    'nameserver 1.1.1.1\noptions timeout:1\n',
  );
});

test("systemd-resolved's stub is recognised where it stands alone", () => {
  assert.equal(namesOnlyStub('nameserver 127.0.0.53\noptions edns0\n'), true);
  assert.equal(namesOnlyStub('nameserver 127.0.0.53\nnameserver 1.1.1.1\n'), false);
  assert.equal(namesOnlyStub(''), false);
});
