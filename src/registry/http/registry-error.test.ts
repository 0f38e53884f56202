/** What clients are told of errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, errorCodes } from '../../errors/engine-error.ts';
import { describeFailure, failureBody, registryError } from './registry-error.ts';

test("the registry's own errors keep code, status and detail", () => {
  const error = registryError('BLOB_UNKNOWN', { detail: { digest: 'd' }, hint: 'push it' });
  assert.deepEqual(describeFailure(error, 'NAME_UNKNOWN'), {
    status: 404,
    code: 'BLOB_UNKNOWN',
    message: 'blob unknown to registry',
    detail: { digest: 'd', hint: 'push it' },
  });
  assert.equal(
    describeFailure(registryError('MANIFEST_INVALID', { status: 413 }), 'NAME_UNKNOWN').status,
    413,
  );
});

test('every other EngineError has an answer, and nothing else is given away', () => {
  for (const code of errorCodes) {
    const { status } = describeFailure(new EngineError(code, 'text'), 'BLOB_UNKNOWN');
    assert.ok(status >= 400 && status < 600, code);
  }
  const { status, code, message } = describeFailure(new Error('/secret/path'), 'BLOB_UNKNOWN');
  assert.deepEqual([status, code, message], [500, 'UNKNOWN', 'unknown error']);
  assert.equal(describeFailure(new EngineError('not-found', 'x'), 'NAME_UNKNOWN').code, 'NAME_UNKNOWN');
  assert.equal(describeFailure(new EngineError('resource-exhausted', 'full'), 'NAME_UNKNOWN').status, 507);
});

test('challenges go into their header, an upstream that has none is no challenge to the client', () => {
  const challenge = 'Basic realm="x"';
  const own = describeFailure(
    new EngineError('unauthorized', 'who?', { details: { challenge } }),
    'NAME_UNKNOWN',
  );
  assert.deepEqual([own.status, own.code, own.challenge], [401, 'UNAUTHORIZED', challenge]);
  assert.ok(!failureBody(own).includes('Basic'));
  const upstream = describeFailure(new EngineError('unauthorized', 'who?'), 'NAME_UNKNOWN');
  assert.deepEqual([upstream.status, upstream.code], [403, 'DENIED']);
  const busy = new EngineError('unavailable', 'slow down', {
    details: { code: 'TOOMANYREQUESTS', status: 429 },
  });
  assert.equal(describeFailure(busy, 'NAME_UNKNOWN').status, 429);
});

test('the body is of the specified form', () => {
  const body = JSON.parse(failureBody(describeFailure(registryError('DENIED'), 'NAME_UNKNOWN')));
  assert.deepEqual(body, {
    errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }],
  });
});
