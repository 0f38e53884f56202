import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { parseJson, readJson } from './body.ts';

const json = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };

function read(headers: Record<string, string>, ...chunks: string[]) {
  return readJson(headers, Readable.from(chunks.map((chunk) => Buffer.from(chunk))));
}

test('a document in pieces, characters cut in the middle included', async () => {
  const bytes = Buffer.from('{"Name":"größe"}');
  const fields = await readJson(json, Readable.from([bytes.subarray(0, 11), bytes.subarray(11)]));
  assert.equal(fields?.string('Name'), 'größe');
});

test('no body is no error, unless its type is wrong', async () => {
  assert.equal(await read({}), undefined);
  assert.equal(await read({ 'content-type': 'application/json', 'content-length': '0' }), undefined);
  await assert.rejects(
    read({ 'content-type': 'text/plain', 'content-length': '0' }),
    /unsupported Content-Type/,
  );
});

test('another content type is refused', async () => {
  const headers = { 'content-type': 'text/plain', 'content-length': '2' };
  await assert.rejects(read(headers, '{}'), {
    code: 'invalid-argument',
    message: "unsupported Content-Type header (text/plain): must be 'application/json'",
  });
  assert.ok(await read({ ...json, 'content-type': 'application/json; charset=utf-8' }, '{}'));
});

test('what is no JSON is refused in the words of Docker', () => {
  assert.throws(() => parseJson(''), /^EngineError: invalid JSON: got EOF while reading request body$/);
  assert.throws(() => parseJson('{"a":'), /^EngineError: invalid JSON: unexpected EOF$/);
  assert.throws(() => parseJson('{"a":"b'), /^EngineError: invalid JSON: unexpected EOF$/);
  assert.throws(() => parseJson('{a}'), /^EngineError: invalid JSON: /);
  assert.throws(() => parseJson('[]'), { code: 'invalid-argument' });
});
