/** Log drivers that send messages elsewhere: what real receivers get. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gunzipSync, inflateSync } from 'node:zlib';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { TestDaemon } from '../support/daemon.ts';
import {
  type DatagramReceiver,
  eventually,
  fluentdAck,
  fluentdRecords,
  receiveStream,
  receiveUdp,
  receiveUnixDatagrams,
} from '../support/log-receivers.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-logs-'));
const journal = join(directory, 'journal');
let daemon: TestDaemon;
let journalReceiver: DatagramReceiver;
before(async () => {
  process.env['GANTRY_JOURNAL_SOCKET'] = journal;
  journalReceiver = await receiveUnixDatagrams(journal);
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
  await journalReceiver.close();
  rmSync(directory, { recursive: true, force: true });
});

function logging(driver: string, options: Readonly<Record<string, string>>): string[] {
  return [
    ...['--log-driver', driver],
    ...Object.entries(options).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`]),
  ];
}

/** Runs a container that writes `script`'s output; its ID. */
async function run(name: string, flags: readonly string[], script: string): Promise<string> {
  await daemon.ok(['run', '--name', name, ...flags, 'busybox', 'sh', '-c', script]);
  return daemon.ok(['inspect', '--format', '{{.Id}}', name]);
}

const bothStreams = 'echo to out; sleep 0.05; echo to err >&2';
const pid = (): number => daemon.pid;

async function udp(context: TestContext): Promise<Awaited<ReturnType<typeof receiveUdp>>> {
  const receiver = await receiveUdp();
  context.after(() => receiver.close());
  return receiver;
}

test('syslog over UDP: priorities, tag, and logs are read here too', async (context) => {
  const { address, datagrams } = await udp(context);
  const options = { 'syslog-address': address, tag: '{{.Name}}/{{.ID}}', 'syslog-facility': 'local3' };
  const id = await run('sys1', logging('syslog', options), bothStreams);
  await eventually('both lines', () => datagrams.length >= 2);
  const time = '[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d';
  const tag = `sys1/${id.slice(0, 12)}\\[${pid()}\\]`;
  assert.match(String(datagrams[0]), new RegExp(`^<158>${time} ${tag}: to out\\n$`));
  assert.match(String(datagrams[1]), new RegExp(`^<155>${time} ${tag}: to err\\n$`));
  const { stdout, stderr } = await daemon.docker(['logs', 'sys1']);
  assert.deepEqual([stdout, stderr], ['to out\n', 'to err\n']);
});

test('syslog in the formats of RFC 3164 and RFC 5424', async (context) => {
  const { address, datagrams } = await udp(context);
  const formats = ['rfc3164', 'rfc5424', 'rfc5424micro'];
  for (const format of formats) {
    const options = { 'syslog-address': address, 'syslog-format': format, tag: 'web' };
    await run(`sys-${format}`, logging('syslog', options), 'echo hello');
  }
  await eventually('all lines', () => datagrams.length >= 3);
  const iso = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d';
  const zone = '(Z|[+-]\\d\\d:\\d\\d)';
  const rest = `${hostname()} web ${pid()} web - hello\\n$`;
  assert.match(
    String(datagrams[0]),
    new RegExp(`^<30>[A-Z][^ ]+ .{11} ${hostname()} web\\[${pid()}\\]: hello\\n$`),
  );
  assert.match(String(datagrams[1]), new RegExp(`^<30>1 ${iso}${zone} ${rest}`));
  assert.match(String(datagrams[2]), new RegExp(`^<30>1 ${iso}\\.\\d{6}${zone} ${rest}`));
});

test('syslog over TCP, UNIX streams and UNIX datagrams', async (context) => {
  const stream = await receiveStream();
  const path = join(directory, 'stream');
  const local = await receiveStream({ path });
  const datagram = await receiveUnixDatagrams(join(directory, 'datagram'));
  context.after(async () => {
    await Promise.all([stream.close(), local.close(), datagram.close()]);
  });
  const ways = [`tcp://127.0.0.1:${stream.port}`, `unix://${path}`, datagram.address];
  for (const [index, address] of ways.entries())
    await run(`way${index}`, logging('syslog', { 'syslog-address': address, tag: 't' }), 'seq 3');
  const expected = /^<30>[^\n]*: 1\n<30>[^\n]*: 2\n<30>[^\n]*: 3\n$/;
  for (const way of [stream, local])
    await eventually('three lines', () => expected.test(Buffer.concat(way.received()).toString()));
  await eventually('three datagrams', () => datagram.datagrams.length === 3);
  assert.match(Buffer.concat(datagram.datagrams).toString(), expected);
});

test('syslog over TLS: each side shows its certificate, messages come with their lengths', async (context) => {
  const authority = makeAuthority(directory, 'log-ca');
  const server = makeCertificate(directory, 'log-server', authority);
  const client = makeCertificate(directory, 'log-client', authority);
  const receiver = await receiveStream({ tls: { ...server, authority: authority.certificate } });
  context.after(() => receiver.close());
  const options = {
    'syslog-address': `tcp+tls://127.0.0.1:${receiver.port}`,
    'syslog-format': 'rfc5424',
    'syslog-tls-ca-cert': authority.certificate,
    'syslog-tls-cert': client.certificate,
    'syslog-tls-key': client.key,
  };
  await run('tls', logging('syslog', options), 'echo one; echo two');
  await eventually('two messages', () => /one\n.*two\n$/s.test(String(receiver.received()[0] ?? '')));
  const text = receiver.received()[0]?.toString() ?? '';
  const length = Number(/^\d+/.exec(text)?.[0]);
  assert.match(
    text.slice(String(length).length + 1, String(length).length + 1 + length),
    /^<30>1 .* - one\n$/,
  );
  const { 'syslog-tls-ca-cert': _ca, ...distrusting } = options;
  const refused = await daemon.docker(['run', ...logging('syslog', distrusting), 'busybox', 'true']);
  assert.match(refused.stderr, /failed to initialize logging driver: dial tls:.*(certificate|issuer)/s);
  const skipping = { ...distrusting, 'syslog-tls-skip-verify': 'true' };
  await run('skipping', logging('syslog', skipping), 'echo three');
  await eventually('the third', () => receiver.received().some((bytes) => bytes.includes('three')));
});

test('gelf over UDP: compressed in each way, in chunks, with additional fields', async (context) => {
  const { address, datagrams } = await udp(context);
  const flags = ['--label', 'tier=front', '--env', 'MODE=test'];
  const named = { 'gelf-address': address, labels: 'tier', env: 'MODE', tag: '{{.Name}}' };
  const id = await run('gelf1', [...flags, ...logging('gelf', named)], `${bothStreams}; echo`);
  await eventually('two messages', () => datagrams.length >= 2);
  const [out, err] = datagrams.map((datagram) => JSON.parse(gunzipSync(datagram).toString()));
  assert.deepEqual(
    { ...out, timestamp: 0, _created: '' },
    {
      version: '1.1',
      host: hostname(),
      short_message: 'to out',
      timestamp: 0,
      level: 6,
      _command: `sh -c ${bothStreams}; echo`,
      _container_id: id,
      _container_name: 'gelf1',
      _created: '',
      _image_id: await daemon.ok(['inspect', '--format', '{{.Image}}', 'gelf1']),
      _image_name: 'busybox',
      _tag: 'gelf1',
      _tier: 'front',
      _MODE: 'test',
    },
  );
  assert.ok(Math.abs(out.timestamp - Date.now() / 1000) < 60);
  assert.deepEqual([err.short_message, err.level], ['to err', 3]);
  datagrams.length = 0;
  await run('gelf2', logging('gelf', { 'gelf-address': address, 'gelf-compression-type': 'zlib' }), 'echo z');
  await run('gelf3', logging('gelf', { 'gelf-address': address, 'gelf-compression-type': 'none' }), 'echo n');
  await eventually('two messages', () => datagrams.length >= 2);
  assert.equal(JSON.parse(inflateSync(datagrams[0] ?? Buffer.alloc(0)).toString()).short_message, 'z');
  assert.equal(JSON.parse(String(datagrams[1])).short_message, 'n');
  assert.equal(datagrams.length, 2, 'no empty message');
});

test('gelf in chunks', async (context) => {
  const { address, datagrams } = await udp(context);
  const text = randomBytes(6000).toString('hex');
  await run('chunked', logging('gelf', { 'gelf-address': address }), `echo ${text}`);
  const count = await eventually('a chunk', () => datagrams[0]?.readUInt8(11));
  await eventually('all chunks', () => datagrams.length === count);
  assert.ok(
    count > 3 && datagrams.every((datagram) => datagram.length <= 1420 && datagram.readUInt16BE() === 0x1e0f),
  );
  assert.deepEqual(
    datagrams.map((datagram) => datagram.readUInt8(10)),
    datagrams.map((_, index) => index),
  );
  const whole = Buffer.concat(datagrams.map((datagram) => datagram.subarray(12)));
  assert.equal(JSON.parse(gunzipSync(whole).toString()).short_message, text);
});

test('gelf over TCP: messages end in a NUL', async (context) => {
  const receiver = await receiveStream();
  context.after(() => receiver.close());
  await run('gelf-tcp', logging('gelf', { 'gelf-address': `tcp://127.0.0.1:${receiver.port}` }), 'seq 3');
  const messages = await eventually('three messages', () => {
    const parts = Buffer.concat(receiver.received()).toString().split('\0');
    return parts.length === 4 && parts;
  });
  assert.deepEqual(
    messages.slice(0, 3).map((message) => JSON.parse(message).short_message),
    ['1', '2', '3'],
  );
});

test('fluentd: records with attributes, times and pieces of long lines', async (context) => {
  const receiver = await receiveStream();
  context.after(() => receiver.close());
  const options = {
    'fluentd-address': `127.0.0.1:${receiver.port}`,
    'fluentd-sub-second-precision': 'true',
    tag: 'docker.{{.Name}}',
    'labels-regex': '^ti',
  };
  const long = "head -c 40000 /dev/zero | tr '\\0' x; echo";
  const id = await run(
    'flu1',
    ['--label', 'tier=1', ...logging('fluentd', options)],
    `${bothStreams}; ${long}; echo end`,
  );
  const records = await eventually('all records', () => {
    const found = fluentdRecords(Buffer.concat(receiver.received()));
    return found.at(-1)?.record['log'] === 'end' && found;
  });
  assert.deepEqual(records[0]?.record, {
    container_id: id,
    container_name: '/flu1',
    source: 'stdout',
    log: 'to out',
    tier: '1',
  });
  assert.equal(records[0]?.tag, 'docker.flu1');
  assert.ok(Object.keys(records[0]?.time ?? {}).includes('nanoseconds'));
  assert.equal(records[1]?.record['source'], 'stderr');
  const pieces = records.slice(2, 5).map(({ record }) => record);
  assert.equal(pieces.map(({ log }) => log).join(''), 'x'.repeat(40_000));
  assert.deepEqual(
    pieces.map((piece) => [piece['partial_ordinal'], piece['partial_last']]),
    [
      ['1', 'false'],
      ['2', 'false'],
      ['3', 'true'],
    ],
  );
  assert.equal(new Set(pieces.map((piece) => piece['partial_id'])).size, 1);
  assert.equal(records[5]?.record['partial_message'], undefined);
});

test('fluentd over a UNIX socket, confirmed', async (context) => {
  const path = join(directory, 'fluentd');
  const receiver = await receiveStream({ path, answer: fluentdAck });
  context.after(() => receiver.close());
  const options = { 'fluentd-address': `unix://${path}`, 'fluentd-request-ack': 'true' };
  const id = await run('flu2', logging('fluentd', options), 'seq 5');
  const records = await eventually('five records', () => {
    const found = fluentdRecords(Buffer.concat(receiver.received()));
    return found.length === 5 && found;
  });
  assert.deepEqual(
    records.map(({ tag, time, record }) => [tag, typeof time, record['log']]),
    [1, 2, 3, 4, 5].map((number) => [id.slice(0, 12), 'number', String(number)]),
  );
});

test('journald: fields of the native protocol', async () => {
  const flags = ['--label', 'com.example/tier=front', '--env', '_X=1'];
  const options = { labels: 'com.example/tier', env: '_X', tag: '{{.Name}}' };
  const id = await run('jou', [...flags, ...logging('journald', options)], bothStreams);
  const { datagrams } = journalReceiver;
  await eventually('two entries', () => datagrams.length >= 2);
  const fields = (datagram: Buffer | undefined): Record<string, string> =>
    Object.fromEntries(
      String(datagram)
        .trimEnd()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  const { SYSLOG_TIMESTAMP: time, ...out } = fields(datagrams[0]);
  assert.match(time ?? '', /^\d{4}-.*\.\d{9}Z$/);
  assert.deepEqual(out, {
    MESSAGE: 'to out',
    PRIORITY: '6',
    CONTAINER_ID: id.slice(0, 12),
    CONTAINER_ID_FULL: id,
    CONTAINER_NAME: 'jou',
    CONTAINER_TAG: 'jou',
    IMAGE_NAME: 'busybox',
    SYSLOG_IDENTIFIER: 'jou',
    COM_EXAMPLE_TIER: 'front',
    X: '1',
  });
  const err = fields(datagrams[1]);
  assert.deepEqual([err['MESSAGE'], err['PRIORITY']], ['to err', '3']);
  assert.equal((await daemon.docker(['logs', 'jou'])).stdout, 'to out\n');
});

test('a start without a receiver fails and says so; what is asynchronous starts', async (context) => {
  const closed = await receiveStream();
  await closed.close();
  const address = `127.0.0.1:${closed.port}`;
  const refused = await daemon.docker([
    'run',
    '--name',
    'no',
    ...logging('fluentd', { 'fluentd-address': address }),
    'busybox',
    'true',
  ]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /failed to initialize logging driver: dial tcp:.*ECONNREFUSED/);
  assert.match(
    await daemon.ok(['inspect', '--format', '{{.State.Status}} {{.State.Error}}', 'no']),
    /^created failed to create task/,
  );
  const options = { 'fluentd-address': address, 'fluentd-async': 'true', 'fluentd-retry-wait': '100ms' };
  await run('later', logging('fluentd', options), 'echo patient');
  const receiver = await receiveStream({ port: closed.port });
  context.after(() => receiver.close());
  await eventually(
    'the line',
    () => fluentdRecords(Buffer.concat(receiver.received()))[0]?.record['log'] === 'patient',
  );
});

test('options that no driver takes are refused, logs that are not kept cannot be read', async () => {
  const unknown = await daemon.docker(['create', ...logging('syslog', { colour: 'red' }), 'busybox']);
  assert.match(unknown.stderr, /unknown log opt 'colour' for syslog log driver/);
  const strange = await daemon.docker(['create', ...logging('smoke', {}), 'busybox']);
  assert.match(strange.stderr, /logger: no log driver named 'smoke' is registered/);
  await run('uncached', logging('journald', { 'cache-disabled': 'true' }), 'echo x');
  const unread = await daemon.docker(['logs', 'uncached']);
  assert.match(unread.stderr, /configured logging driver does not support reading/);
  const drivers = await daemon.ok(['info', '--format', '{{.Plugins.Log}}']);
  assert.equal(drivers, '[fluentd gelf journald json-file local syslog]');
});
