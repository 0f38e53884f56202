/** /proc/stat and /proc/net/dev. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHostCpu, parseInterfaces, readHostCpu } from './host-counters.ts';

test('the time of all processors', async () => {
  const text =
    'cpu  10 20 30 40 5 6 7 8 900 900\ncpu0 5 10 15 20 0 0 0 0 0 0\ncpu1 5 10 15 20 0 0 0 0 0 0\nintr 1\n';
  assert.deepEqual(parseHostCpu(text), { total: 126 * 10_000_000, online: 2 });
  assert.ok((await readHostCpu()).total > 0);
});

test('interfaces, but for the loopback', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo:       9       9    0    0    0     0          0         0        9       9    0    0    0     0       0          0',
    '  eth0:1006       9    1    2    0     0          0         0        70       8    3    4    0     0       0          0',
    'veth.12@x:     1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0',
  ].join('\n');
  const found = parseInterfaces(text);
  assert.deepEqual([...found.keys()], ['eth0', 'veth.12@x']);
  assert.deepEqual(found.get('eth0'), {
    rxBytes: 1006,
    rxPackets: 9,
    rxErrors: 1,
    rxDropped: 2,
    txBytes: 70,
    txPackets: 8,
    txErrors: 3,
    txDropped: 4,
  });
});
