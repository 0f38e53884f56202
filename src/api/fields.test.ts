import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from './fields.ts';

test('missing fields and null read as empty, unknown ones are ignored', () => {
  const fields = Fields.of({ Env: null, Whatever: 7 });
  assert.deepEqual(
    [
      fields.string('A'),
      fields.boolean('B'),
      fields.integer('C'),
      fields.strings('Env'),
      fields.words('Cmd'),
    ],
    ['', false, 0, [], undefined],
  );
});

test('names count in any case, the exact one first', () => {
  const fields = Fields.of({ tty: true, image: 'wrong', Image: 'right' });
  assert.equal(fields.boolean('Tty'), true);
  assert.equal(fields.string('Image'), 'right');
});

test('a wrong type is refused with the way to the field', () => {
  const fields = Fields.of({
    HostConfig: { Memory: '64m', Mounts: [{ Target: 1 }] },
    Env: [1],
    ExposedPorts: [],
  });
  const host = fields.object('HostConfig');
  assert.throws(() => host.integer('Memory'), {
    code: 'invalid-argument',
    message: 'invalid JSON: HostConfig.Memory must be an integer, not a string',
  });
  assert.throws(
    () => host.objects('Mounts').map((one) => one.string('Target')),
    /HostConfig\.Mounts\[0\]\.Target must be a string, not 1/,
  );
  assert.throws(() => fields.strings('Env'), /Env must be a list of strings/);
  assert.throws(() => fields.keys('ExposedPorts'), /ExposedPorts must be an object/);
  assert.throws(() => Fields.of([]), /the document must be an object/);
});

test('one word counts as a list of one', () => {
  assert.deepEqual(Fields.of({ Cmd: 'ls' }).words('Cmd'), ['ls']);
  assert.deepEqual(Fields.of({ Cmd: ['ls', '-l'] }).words('Cmd'), ['ls', '-l']);
});

test('maps of lists and pairs', () => {
  const fields = Fields.of({
    PortBindings: { '80/tcp': [{ HostPort: '1' }], '81/tcp': null },
    ConsoleSize: [24, 80],
  });
  const bindings = fields
    .objectListMap('PortBindings')
    .map(([key, list]) => [key, list.map((one) => one.string('HostPort'))]);
  assert.deepEqual(bindings, [
    ['80/tcp', ['1']],
    ['81/tcp', []],
  ]);
  assert.deepEqual(fields.pair('ConsoleSize'), [24, 80]);
  assert.throws(() => Fields.of({ ConsoleSize: [1] }).pair('ConsoleSize'), /pair of integers/);
});
