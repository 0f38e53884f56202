import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { parseAttributes, splitMessages } from './netlink-message.ts';
import {
  addAddress,
  addDefaultRoute,
  createBridgeLink,
  createVethPair,
  deleteLink,
  enslaveLink,
  raiseBridgePort,
  raiseLink,
  setAlias,
} from './rtnetlink.ts';
import { parseLinks } from './rtnetlink-replies.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');
/** The known bytes below are those of little-endian machines. */
const skip = endianness() === 'BE';

test('bringing a link up is an ifinfomsg with IFF_UP in flags and change', { skip }, () => {
  assert.equal(
    hex(raiseLink(1)),
    // length 32, RTM_SETLINK, REQUEST|ACK, sequence, port; family, type, index, flags, change
    '20000000' +
      '1300' +
      '0500' +
      '00000000' +
      '00000000' +
      '00000000' +
      '01000000' +
      '01000000' +
      '01000000',
  );
});

test('an IPv4 address comes with local, address and broadcast', { skip }, () => {
  assert.equal(
    hex(addAddress({ index: 100, address: '172.17.0.2', prefixLength: 16 })),
    '30000000' +
      '1400' +
      '0505' +
      '00000000' +
      '00000000' +
      '02100000' +
      '64000000' +
      '08000200ac110002' +
      '08000100ac110002' +
      '08000400ac11ffff',
  );
});

test('an IPv6 address is added without duplicate-address detection', { skip }, () => {
  const bytes = addAddress({ index: 100, address: 'fd00::2', prefixLength: 64 });
  const address = 'fd00000000000000' + '0000000000000002';
  assert.equal(
    hex(bytes.subarray(16)),
    `0a4000006400000014000200${address}14000100${address}0800080002000000`,
  );
});

test('a default route has a gateway and an interface, and no destination', { skip }, () => {
  assert.equal(
    hex(addDefaultRoute(100, '172.17.0.1')),
    '2c000000' +
      '1800' +
      '0506' +
      '00000000' +
      '00000000' +
      '02000000' +
      'fe040001' +
      '00000000' +
      '08000500ac110001' +
      '0800040064000000',
  );
});

test('a link is deleted by name, padded to four bytes', { skip }, () => {
  assert.equal(
    hex(deleteLink('veth12345')),
    '30000000' +
      '1100' +
      '0500' +
      '00000000' +
      '00000000' +
      '00'.repeat(16) +
      '0e000300' +
      '76657468313233343500' +
      '0000',
  );
});

test('a veth pair carries its peer with name, MTU and namespace', { skip }, () => {
  const bytes = createVethPair({
    name: 'eth0',
    index: 100,
    mac: '02:42:ac:11:00:02',
    mtu: 1500,
    peer: { name: 'vethabc', netnsFd: 8 },
  });
  const peer = `${'00'.repeat(16)}0c000300${Buffer.from('vethabc\0').toString('hex')}08000400dc05000008001c0008000000`;
  assert.ok(hex(bytes).endsWith(peer), 'the peer is the innermost, last attribute');
  assert.equal(bytes.readUInt32LE(0), bytes.length);
  assert.equal(bytes.readInt32LE(20), 100);
});

test('every message is as long as it says and ends on four bytes', () => {
  const messages = [
    createBridgeLink({ name: 'gantry0', mac: '02:42:00:00:00:01', mtu: 1500 }),
    setAlias('gantry0', 'gantry:x'),
    enslaveLink('vethabcdef0', 7),
    raiseBridgePort('vethabcdef0', { hairpin: true, isolated: true }),
    raiseBridgePort('vethabcdef0', { hairpin: false, isolated: false }),
  ];
  for (const bytes of messages) {
    assert.equal(bytes.length % 4, 0);
    const [message, ...rest] = splitMessages(bytes);
    assert.equal(rest.length, 0);
    assert.equal(message?.body.length, bytes.length - 16);
  }
});

test('a link message is read back', () => {
  // What the kernel reports has the same layout as what makes a link (both RTM_NEWLINK).
  const made = createBridgeLink({ name: 'gantry0', mac: '02:42:00:00:00:01', mtu: 1400 });
  assert.deepEqual(parseLinks(Buffer.concat([made, made.subarray(0, 30)])), [
    {
      index: 0,
      up: false,
      name: 'gantry0',
      mac: '02:42:00:00:00:01',
      alias: '',
      mtu: 1400,
      master: undefined,
    },
  ]);
});

test('attributes that claim more than there is are left out', { skip }, () => {
  assert.equal(parseAttributes(Buffer.from('08000400dc0500000900010000', 'hex')).size, 1);
  assert.equal(parseAttributes(Buffer.from('0000000000', 'hex')).size, 0);
});
