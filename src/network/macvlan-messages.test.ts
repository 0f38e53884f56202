import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import {
  addLinkDefaultRoute,
  createUpperLink,
  createVlanLink,
  daemonNsid,
  nameDaemonNamespace,
  namesDaemonNamespace,
} from './macvlan-messages.ts';
import type { LinkMode } from './macvlan-options.ts';
import { parseAttributes, readUint16, readUint32, splitMessages, textOf } from './netlink-message.ts';
import { raiseLink } from './rtnetlink.ts';

/** The known bytes below are those of little-endian machines. */
const skip = endianness() === 'BE';
const none = Buffer.alloc(0);

/** Attributes of a message about a link, and those of its kind. */
function linkParts(bytes: Buffer) {
  const [{ body } = { body: none }] = splitMessages(bytes);
  const attributes = parseAttributes(body.subarray(16));
  const info = parseAttributes(attributes.get(18) ?? none);
  return { attributes, kind: textOf(info.get(1) ?? none), data: parseAttributes(info.get(2) ?? none) };
}

const upper = (link: LinkMode, more = {}) =>
  linkParts(
    createUpperLink({ name: 'eth0', index: 100, mac: undefined, mtu: 1400, parent: 7, link, ...more }),
  );

test('a macvlan interface names its parent, the namespace of that, and its mode', { skip }, () => {
  const modes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
  for (const [mode, value] of Object.entries(modes)) {
    const { attributes, kind, data } = upper({ driver: 'macvlan', mode: mode as keyof typeof modes });
    assert.equal(kind, 'macvlan');
    assert.equal(readUint32(data.get(1) ?? none, 0), value);
    assert.equal(readUint32(attributes.get(5) ?? none, 0), 7, 'IFLA_LINK');
    assert.equal(readUint32(attributes.get(37) ?? none, 0), daemonNsid, 'IFLA_LINK_NETNSID');
    assert.ok(!attributes.has(1), 'no MAC but the kernel’s');
  }
});

test('for a container that runs, the message is sent where the parent is', { skip }, () => {
  const { attributes } = upper(
    { driver: 'macvlan', mode: 'bridge' },
    { namespacePid: 4711, mac: '02:42:0a:00:00:02' },
  );
  assert.equal(readUint32(attributes.get(19) ?? none, 0), 4711, 'IFLA_NET_NS_PID');
  assert.ok(!attributes.has(37));
  assert.equal(attributes.get(1)?.toString('hex'), '02420a000002');
});

test('an ipvlan interface has a mode, and a flag where it is not the usual one', { skip }, () => {
  for (const [mode, value] of [
    ['l2', 0],
    ['l3', 1],
    ['l3s', 2],
  ] as const) {
    const { kind, data } = upper({ driver: 'ipvlan', mode, flag: 'bridge' });
    assert.equal(kind, 'ipvlan');
    assert.equal(readUint16(data.get(1) ?? none, 0), value);
    assert.ok(!data.has(2));
  }
  for (const [flag, value] of [
    ['private', 1],
    ['vepa', 2],
  ] as const) {
    const { data } = upper({ driver: 'ipvlan', mode: 'l2', flag });
    assert.equal(readUint16(data.get(2) ?? none, 0), value);
  }
});

test('a VLAN has its number, and the interface below it', { skip }, () => {
  const { attributes, kind, data } = linkParts(createVlanLink({ name: 'eth0.50', lower: 3, id: 50 }));
  assert.equal(kind, 'vlan');
  assert.equal(textOf(attributes.get(3) ?? none), 'eth0.50');
  assert.equal(readUint32(attributes.get(5) ?? none, 0), 3);
  assert.equal(readUint16(data.get(1) ?? none, 0), 50);
});

test('the daemon’s namespace gets a name in the container’s', { skip }, () => {
  const bytes = nameDaemonNamespace(8);
  assert.equal(
    bytes.toString('hex'),
    // length 36, RTM_NEWNSID, REQUEST|ACK, sequence, port; family; NETNSA_NSID, NETNSA_FD
    '24000000' +
      '5800' +
      '0500' +
      '00000000' +
      '00000000' +
      '00000000' +
      '0800010061670000' +
      '0800030008000000',
  );
  assert.ok(namesDaemonNamespace(bytes));
  assert.ok(!namesDaemonNamespace(raiseLink(1)));
});

test('a default route by an interface has no gateway and the scope of the link', { skip }, () => {
  const [{ body } = { body: none }] = splitMessages(addLinkDefaultRoute(100, 6));
  assert.deepEqual([body[0], body[6]], [10, 253]);
  const attributes = parseAttributes(body.subarray(12));
  assert.deepEqual([...attributes.keys()], [4], 'RTA_OIF alone');
});
