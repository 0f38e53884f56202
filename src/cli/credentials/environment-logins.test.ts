/** Logins in DOCKER_AUTH_CONFIG: which are read, and what is said of the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentLogins } from './environment-logins.ts';

function entry(auth: unknown): string {
  return JSON.stringify({ auths: { 'a.example:5000': { auth } } });
}

test('servers, users and passwords; a password may hold colons', () => {
  const text = entry(Buffer.from('ci:p:w').toString('base64'));
  assert.deepEqual(
    [...environmentLogins(text)],
    [['a.example:5000', { username: 'ci', password: 'p:w', identityToken: '' }]],
  );
  for (const none of [undefined, '', ' \n', '{}', '{"auths":{}}'])
    assert.equal(environmentLogins(none).size, 0);
});

test('what is wrong is said', () => {
  const cases: ReadonlyArray<readonly [text: string, message: RegExp]> = [
    ['nope', /left out: it is no JSON object/],
    ['[]', /left out: it is no JSON object/],
    ['{} {}', /left out: it is no JSON object/],
    ['{"auths":{},"credsStore":"x"}', /means nothing there: "credsStore"/],
    ['{"auths":{"a":{"auth":"dTpw","email":"x"}}}', /entry of a has a key that means nothing there: "email"/],
    ['{"auths":{"a":{}}}', /the entry of a has no "auth"/],
    ['{"auths":{"a":"dTpw"}}', /the entry of a is no JSON object/],
    [entry('!!!'), /"auth" of a.example:5000 is not base64 of USER:PASSWORD/],
    [entry(Buffer.from('nocolon').toString('base64')), /is not base64 of USER:PASSWORD/],
    [entry(Buffer.from(':p').toString('base64')), /is not base64 of USER:PASSWORD/],
  ];
  for (const [text, message] of cases)
    assert.throws(() => environmentLogins(text), { code: 'invalid-argument', message }, text);
});
