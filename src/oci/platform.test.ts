/** Platforms: spelling, and what a host can run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import {
  formatPlatform,
  hostPlatform,
  type Platform,
  parsePlatform,
  platformMatches,
  selectByPlatform,
} from './platform.ts';

test('spellings', () => {
  const host = hostPlatform();
  const cases: Array<[string, string]> = [
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm', 'linux/arm/v7'],
    ['arm64', 'linux/arm64'],
    ['LINUX/AMD64', 'linux/amd64'],
    ['linux', formatPlatform(host)],
    ['windows', `windows/${host.architecture}`],
  ];
  for (const [text, expected] of cases) assert.equal(formatPlatform(parsePlatform(text)), expected, text);
  for (const bad of ['', 'a/b/c/d', 'linux/', 'li nux/amd64']) {
    assert.throws(
      () => parsePlatform(bad),
      (error) => isEngineError(error, 'invalid-argument'),
      bad,
    );
  }
});

test('the best platform of an index is taken, not the first', () => {
  const items = [
    'linux/386',
    'linux/arm/v6',
    'linux/arm/v7',
    'linux/arm64/v8',
    'linux/amd64',
    'windows/amd64',
  ].map((text) => ({ text, platform: parsePlatform(text) }));
  const pick = (text: string): string | undefined => selectByPlatform(items, parsePlatform(text))?.text;
  assert.equal(pick('linux/amd64'), 'linux/amd64');
  assert.equal(pick('linux/arm64'), 'linux/arm64/v8');
  assert.equal(pick('linux/arm/v7'), 'linux/arm/v7');
  assert.equal(pick('linux/arm/v6'), 'linux/arm/v6');
  assert.equal(pick('linux/s390x'), undefined);
  assert.equal(selectByPlatform(items.slice(0, 1), parsePlatform('linux/amd64'))?.text, 'linux/386');
  assert.equal(selectByPlatform<{ platform?: Platform }>([{}], parsePlatform('linux/amd64')), undefined);
});

test('matching', () => {
  assert.ok(
    platformMatches(parsePlatform('linux/arm64'), { os: 'linux', architecture: 'arm64', variant: 'v8' }),
  );
  assert.ok(!platformMatches(parsePlatform('linux/arm/v6'), parsePlatform('linux/arm/v7')));
  assert.ok(!platformMatches(parsePlatform('linux/amd64'), parsePlatform('windows/amd64')));
});
