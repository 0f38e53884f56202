import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectProcesses } from './top.ts';

const output = `UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 13:00 ?        00:00:01 /sbin/init splash
root          42       1  0 13:00 ?        00:00:00 sh -c sleep  1000; true
daemon        43      42  0 13:01 pts/0    00:00:00 sleep 1000
`;

test('the processes of the container are kept, long commands whole', () => {
  assert.deepEqual(selectProcesses(output, new Set([42, 43, 99])), {
    titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
    processes: [
      ['root', '42', '1', '0', '13:00', '?', '00:00:00', 'sh -c sleep 1000; true'],
      ['daemon', '43', '42', '0', '13:01', 'pts/0', '00:00:00', 'sleep 1000'],
    ],
  });
});

test('without a column of PIDs there is nothing to go by', () => {
  assert.throws(() => selectProcesses('USER COMMAND\nroot sh\n', new Set([1])), {
    code: 'invalid-argument',
    message: "Couldn't find PID field in ps output",
  });
});
