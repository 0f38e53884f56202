import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../errors/engine-error.ts';
import { commandError, startError } from './runtime-errors.ts';

const create =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: crun create failed: unable to start container process: ';

function translate(text: string, kind: 'container' | 'exec' = 'container') {
  return startError({ kind, runtime: '/usr/bin/crun', text, status: 256, command: '/cmd' });
}

/** What crun 1.8 and runc 1.1 write, and what Docker says. */
const table: ReadonlyArray<[text: string, reason: string, code: ErrorCode]> = [
  [
    'executable file `foo` not found in $PATH: No such file or directory',
    'exec: "foo": executable file not found in $PATH',
    'invalid-argument',
  ],
  [
    'executable file `/foo` not found in $PATH: No such file or directory',
    'exec: "/foo": stat /foo: no such file or directory',
    'invalid-argument',
  ],
  ['open executable: Permission denied', 'exec: "/cmd": permission denied', 'invalid-argument'],
  ['open executable: Operation not permitted', 'exec: "/cmd": permission denied', 'invalid-argument'],
  [
    'runc run failed: unable to start container process: exec: "foo": executable file not found in $PATH',
    'exec: "foo": executable file not found in $PATH',
    'invalid-argument',
  ],
  [
    'runc run failed: unable to start container process: exec: "/foo": stat /foo: no such file or directory',
    'exec: "/foo": stat /foo: no such file or directory',
    'invalid-argument',
  ],
  [
    'runc run failed: unable to start container process: exec: "/etc": permission denied',
    'exec: "/etc": permission denied',
    'invalid-argument',
  ],
  [
    'time="2026-01-01T00:00:00Z" level=error msg="exec failed: unable to start container process: exec: \\"a\\": executable file not found in $PATH"',
    'exec: "a": executable file not found in $PATH',
    'invalid-argument',
  ],
  [
    'chdir `/nodir`: No such file or directory',
    'chdir to cwd ("/nodir") set in config.json failed: No such file or directory',
    'invalid-argument',
  ],
  ['a warning\nsomething new went wrong\n', 'something new went wrong', 'internal'],
];

for (const [text, reason, code] of table) {
  test(`${text.slice(0, 70)} is ${code}`, () => {
    const error = translate(text);
    assert.equal(error.message, `${create}${reason}: unknown`);
    assert.equal(error.code, code);
  });
}

test('an exec fails in its own words', () => {
  const error = translate('executable file `foo` not found in $PATH: No such file or directory', 'exec');
  assert.equal(
    error.message,
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "foo": executable file not found in $PATH: unknown',
  );
});

test('a runtime that said nothing is named with its status', () => {
  assert.match(translate('').message, /crun ended with status 256/);
});

test('other commands fail with the last line', () => {
  assert.equal(commandError('cannot pause', 'warning\nno luck\n').message, 'cannot pause: no luck');
  assert.equal(
    commandError('x', 'error opening file `/run/crun/a/status`: No such file or directory').code,
    'not-found',
  );
  assert.equal(commandError('x', 'time="" level=error msg="container does not exist"').code, 'not-found');
});
