/** The small languages within flags: mounts, devices, modes, ports, durations, sizes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import type { RunMount } from './ast.ts';
import { parseCsvLine } from './csv.ts';
import { parseDevice } from './devices.ts';
import { parseDuration } from './durations.ts';
import { parseChmod } from './file-mode.ts';
import { parseMemory } from './memory-size.ts';
import { mountSource, parseMount } from './mounts.ts';
import { exposedPorts, parsePort } from './ports.ts';

const same = (value: string): string => value;
const bind: RunMount = {
  type: 'bind',
  from: '',
  source: '',
  target: '',
  readOnly: true,
  id: '',
  sharing: 'shared',
  required: false,
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  env: undefined,
};

const mounts: Array<[text: string, mount: RunMount]> = [
  ['target=/a', { ...bind, target: '/a' }],
  ['type=BIND,dst=/a,src=b,from=c', { ...bind, target: '/a', source: 'b', from: 'c' }],
  ['destination=/a,source=b,rw', { ...bind, target: '/a', source: 'b', readOnly: false }],
  ['target=/a,readwrite=false', { ...bind, target: '/a' }],
  ['target=/a,readonly=0', { ...bind, target: '/a', readOnly: false }],
  ['type=cache,target=/c', { ...bind, type: 'cache', target: '/c', readOnly: false }],
  [
    'type=cache,id=x,sharing=Locked,mode=0700,uid=1,gid=2,target=/c,ro',
    { ...bind, type: 'cache', target: '/c', id: 'x', sharing: 'locked', mode: 0o700, uid: 1, gid: 2 },
  ],
  [
    'type=cache,sharing=private,target=/c,from=b,source=s',
    { ...bind, type: 'cache', sharing: 'private', target: '/c', from: 'b', source: 's', readOnly: false },
  ],
  [
    'type=tmpfs,target=/t,size=64m',
    { ...bind, type: 'tmpfs', target: '/t', size: 64 * 1024 ** 2, readOnly: false },
  ],
  ['type=secret,id=k,required', { ...bind, type: 'secret', id: 'k', required: true }],
  ['type=secret,id=k,env=KEY,required=false', { ...bind, type: 'secret', id: 'k', env: 'KEY' }],
  [
    'type=secret,src=k,target=/k,mode=0440,uid=7',
    { ...bind, type: 'secret', source: 'k', target: '/k', mode: 0o440, uid: 7 },
  ],
  ['type=ssh', { ...bind, type: 'ssh' }],
  [
    'type=ssh,id=default,required=true,target=/s',
    { ...bind, type: 'ssh', id: 'default', required: true, target: '/s' },
  ],
  ['"target=/a,b",source=c', { ...bind, target: '/a,b', source: 'c' }],
];

for (const [text, mount] of mounts) {
  test(`mount ${text}`, () => {
    assert.deepEqual(parseMount(text, same), mount);
    assert.equal(mountSource(text), mount.from);
  });
}

const badMounts: Array<[text: string, message: string]> = [
  ['type=x', 'unsupported mount type "x"'],
  ['type=cache,sharing=lock', 'unsupported sharing value "lock" (did you mean locked?)'],
  ['traget=/a', "unexpected key 'traget' in 'traget=/a' (did you mean target?)"],
  ['target', "invalid field 'target' must be a key=value pair"],
  ['ro=maybe', 'invalid value for ro: maybe'],
  ['required', "unexpected key 'required' for mount type 'bind'"],
  ['size=1', "unexpected key 'size' for mount type 'bind'"],
  ['type=tmpfs,size=big', 'invalid value for size: big'],
  ['type=cache,mode=0888', 'invalid value 0888 for mode'],
  ['type=cache,uid=-1', 'invalid value -1 for uid'],
  ['mode=0700', 'mode not allowed for "bind" type mounts'],
  ['type=tmpfs,gid=1', 'gid not allowed for "tmpfs" type mounts'],
  ['type=secret', 'invalid secret mount. one of source, target required'],
  ['type=secret,id=a,src=b', "both source and id can't be set"],
  ['type=secret,id=a,from=b', 'secret mount should not have a from'],
  ['type=secret,id=a,sharing=shared', 'secret mount should not define sharing'],
  ['sharing=shared', 'invalid cache sharing set for bind mount'],
  ['a"b', 'parse error: bare " in non-quoted-field'],
  ['"a', 'parse error: extraneous or missing " in quoted-field'],
];

for (const [text, message] of badMounts) {
  test(`refuses mount ${text}`, () => {
    assert.throws(
      () => parseMount(text, same),
      (error) =>
        isEngineError(error, 'invalid-argument') && error.message === message && error.hint !== undefined,
    );
  });
}

test('fields of a line', () => {
  assert.deepEqual(parseCsvLine('a,"b,""c""",,d'), ['a', 'b,"c"', '', 'd']);
  assert.deepEqual(parseCsvLine('a,'), ['a', '']);
});

test('devices', () => {
  assert.deepEqual(parseDevice('v.com/c=x'), { name: 'v.com/c=x', required: false });
  assert.deepEqual(parseDevice('name=v.com/c=x,required=true'), { name: 'v.com/c=x', required: true });
  assert.throws(() => parseDevice('a,name=b'), { message: 'device name already set to a' });
  assert.throws(() => parseDevice('a,requird=1'), { message: /did you mean required/ });
});

test('modes, octal and symbolic', () => {
  const of = (text: string, mode: number, isDirectory = false): string =>
    parseChmod(text)(mode, isDirectory).toString(8);
  const cases: Array<[text: string, mode: number, result: string]> = [
    ['644', 0o777, '644'],
    ['07777', 0, '7777'],
    ['u=rw,go=r', 0o777, '644'],
    ['+x', 0o644, '755'],
    ['a-w', 0o666, '444'],
    ['go-rwx', 0o755, '700'],
    ['u+s,g+s,+t', 0o755, '7755'],
    ['u=rwx,g=u,o=g', 0o600, '777'],
    ['g=', 0o777, '707'],
    ['u+r-w', 0o200, '400'],
    ['a+X', 0o644, '644'],
    ['a+X', 0o744, '755'],
    ['u=', 0o4755, '55'],
  ];
  for (const [text, mode, result] of cases) assert.equal(of(text, mode), result, text);
  assert.equal(of('a+X', 0o644, true), '755');
  for (const text of ['9', '10000', 'u', 'x=r', 'u=q', '', 'u+r,', '0o644', 'u=rg'])
    assert.throws(() => parseChmod(text), { name: 'EngineError' });
});

test('ports, ranges and protocols', () => {
  assert.deepEqual(exposedPorts(['80', '53/UDP', '8000-8002/sctp', '1-1']), [
    '80/tcp',
    '53/udp',
    '8000/sctp',
    '8001/sctp',
    '8002/sctp',
    '1/tcp',
  ]);
  assert.deepEqual(parsePort('80/TCP'), { ports: ['80/tcp'], oddCase: true, hasHost: false });
  for (const text of ['8080:80', '127.0.0.1:8080:80', '[::1]:8080:80', '1-2:3-4', '1-9:80'])
    assert.equal(parsePort(text).hasHost, true, text);
  for (const text of ['', '/tcp', '80/x', 'a', '65536', '2-1', '-1', '1.2.3.4.5:1:2', 'x:80', '1-2:1-3'])
    assert.throws(
      () => parsePort(text),
      (error) => isEngineError(error, 'invalid-argument'),
      text,
    );
});

test('durations and sizes', () => {
  assert.equal(parseDuration('1h2m3.5s4ms5us6µs7ns'), 3723.504011007e9);
  assert.equal(parseDuration('-1.5s'), -1.5e9);
  assert.equal(parseDuration('0'), 0);
  for (const text of ['', 's', '1', '1x', '1 s', '1s2', `${'1'.repeat(50_000)}s`])
    assert.throws(() => parseDuration(text), text.slice(0, 9));
  assert.equal(parseMemory('1.5GiB'), 1.5 * 1024 ** 3);
  assert.equal(parseMemory('10 kb'), 10_240);
  for (const text of ['', 'x', '-1', '1z', '9999999p']) assert.equal(parseMemory(text), undefined, text);
});

test('none of them fails in another way', () => {
  const readers = [parseDevice, parseChmod, parsePort, parseDuration, parseMemory, mountSource, parseCsvLine];
  const piece = fc.constantFrom(
    'type=',
    'cache',
    'target=',
    'uid=',
    ',',
    '"',
    '=',
    'u',
    '+',
    'x',
    '-',
    '8',
    ':',
    '/',
    'tcp',
    's',
    'm',
    '[',
    '.',
    'µ',
  );
  const texts = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(
      texts,
      fc.constantFrom(...readers, (text: string) => parseMount(text, same)),
      (text, read) => {
        try {
          read(text);
        } catch (error) {
          assert.ok(isEngineError(error, 'invalid-argument'), String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});
