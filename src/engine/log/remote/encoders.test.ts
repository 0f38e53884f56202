/** Messages as each receiver wants them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogContext } from '../context.ts';
import { parseAddress } from './address.ts';
import { gelfChunks } from './gelf.ts';
import { journalEncoder, journalName } from './journald.ts';
import type { LogMessage } from './sink.ts';
import { formatSyslog, syslogFacility } from './syslog-format.ts';

const context: LogContext = {
  id: 'a'.repeat(64),
  name: 'web',
  imageId: 'sha256:b',
  imageName: 'busybox',
  command: 'sh',
  createdAt: 0,
  hostname: 'host',
  tag: 'tag',
  attributes: { 'my.label': 'two\nlines' },
};

function message(text: string, more: Partial<LogMessage> = {}): LogMessage {
  return {
    stream: 'stdout',
    text: Buffer.from(text),
    time: { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
    ...more,
  };
}

test('a journal entry tells lengths where a value has several lines', () => {
  const partial = { id: 'p', ordinal: 2, last: false };
  const entry = journalEncoder(context)(message('x', { stream: 'stderr', partial })).toString('latin1');
  assert.ok(entry.startsWith('MESSAGE=x\nPRIORITY=3\nSYSLOG_TIMESTAMP=2023-11-14T22:13:20.123456789Z\n'));
  assert.ok(entry.includes('MY_LABEL\n\x09\0\0\0\0\0\0\0two\nlines\n'));
  assert.ok(
    entry.endsWith(
      'CONTAINER_PARTIAL_MESSAGE=true\nCONTAINER_PARTIAL_ID=p\nCONTAINER_PARTIAL_ORDINAL=2\nCONTAINER_PARTIAL_LAST=false\n',
    ),
  );
  const last = journalEncoder(context)(message('x', { partial: { ...partial, last: true } })).toString();
  assert.ok(!last.includes('CONTAINER_PARTIAL_MESSAGE'));
});

test('names of journal fields are capitals, digits and underscores, of which none comes first', () => {
  assert.deepEqual(['a.b-c', '__x', '9lives', 'ä', 'UP_9'].map(journalName), [
    'A_B_C',
    'X',
    '9LIVES',
    '',
    'UP_9',
  ]);
});

test('syslog messages of each form', () => {
  const text = (format: Parameters<typeof formatSyslog>[0]['format'], more?: Partial<LogMessage>): string =>
    formatSyslog({ facility: 16, format }, context)(message('hello', more)).toString();
  const pid = `${process.pid}`;
  assert.match(text('unix'), new RegExp(`^<134>Nov 1[45] \\d\\d:13:20 tag\\[${pid}\\]: hello\\n$`));
  assert.match(
    text('rfc3164', { stream: 'stderr' }),
    new RegExp(`^<131>Nov .{11} host tag\\[${pid}\\]: hello\\n$`),
  );
  assert.match(
    text('rfc5424'),
    new RegExp(`^<134>1 2023-11-1[45]T\\d\\d:13:20(Z|[+-]\\d\\d:\\d\\d) host tag ${pid} tag - hello\\n$`),
  );
  assert.match(text('rfc5424micro'), /:20\.123456(Z|[+-]\d\d:\d\d) host/);
  assert.deepEqual(['', 'kern', 'local7', '23', '11'].map(syslogFacility), [3, 0, 23, 23, 11]);
});

test('gelf chunks: none for what fits, at most 128', () => {
  assert.deepEqual(
    gelfChunks(Buffer.alloc(1420)).map((chunk) => chunk.length),
    [1420],
  );
  const chunks = gelfChunks(Buffer.alloc(1421));
  assert.deepEqual(
    chunks.map((chunk) => [chunk.length, chunk[10], chunk[11]]),
    [
      [1420, 0, 2],
      [25, 1, 2],
    ],
  );
  assert.equal(gelfChunks(Buffer.alloc(128 * 1408)).length, 128);
  assert.equal(gelfChunks(Buffer.alloc(128 * 1408 + 1)).length, 0);
});

test('addresses', () => {
  const rules = { name: 'x-address', schemes: { udp: 'udp', unix: 'unix' } as const, defaultPort: 514 };
  assert.deepEqual(parseAddress('udp://[::1]:1', rules), { transport: 'udp', host: '::1', port: 1 });
  assert.deepEqual(parseAddress('UDP://host', rules), { transport: 'udp', host: 'host', port: 514 });
  assert.deepEqual(parseAddress('udp://:9', rules), { transport: 'udp', host: '127.0.0.1', port: 9 });
  assert.deepEqual(parseAddress('unix:///a b', rules), { transport: 'unix', path: '/a b' });
  for (const bad of ['tcp://x:1', 'udp:x', 'udp://x:y', 'udp://x:65536', 'udp://a:1/b', 'unix://a', ''])
    assert.throws(() => parseAddress(bad, rules), /x-address/, bad);
});
