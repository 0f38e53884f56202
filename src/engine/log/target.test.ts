/** Files of logs: sizes, counts, compression and attributes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import type { ContainerRecord, HostConfig } from '../model.ts';
import { logFileSettings, logTarget } from './target.ts';

function targetOf(logConfig: HostConfig['logConfig']): ReturnType<typeof logTarget> {
  const record = {
    id: 'abc',
    name: 'web',
    path: 'sh',
    args: [],
    imageId: 'sha256:1',
    createdAt: 0,
    config: { image: 'busybox', labels: { b: '1', a: 'x"y' }, env: ['E=v'] },
    hostConfig: { logConfig },
  } as unknown as ContainerRecord;
  return logTarget({ dataRoot: '/d', execRoot: '/e' }, record);
}

test('sizes and counts are those of the options, bounded where they say nothing', () => {
  const path = '/d/containers/abc/abc-json.log';
  assert.deepEqual(targetOf({ type: 'json-file', config: { 'max-size': '10m', 'max-file': '3' } }), {
    path,
    maxSize: 10 * 1024 * 1024,
    maxFiles: 3,
  });
  assert.equal(targetOf({ type: 'json-file', config: { 'max-size': '1.5k' } })?.maxSize, 1536);
  assert.equal(targetOf({ type: 'json-file', config: { 'max-size': '-1' } })?.maxSize, 0);
  assert.ok((targetOf({ type: 'json-file', config: {} })?.maxSize ?? 0) > 0);
  assert.equal(targetOf({ type: 'none', config: {} }), undefined);
});

test('the cache of a log that goes elsewhere has options of its own', () => {
  const config = { 'syslog-address': 'udp://x', 'cache-max-size': '1m', 'cache-max-file': '2' };
  assert.deepEqual(logFileSettings({ type: 'syslog', config }), {
    maxSize: 1 << 20,
    maxFiles: 2,
    compress: true,
  });
  const plain = logFileSettings({ type: 'syslog', config: { 'cache-compress': 'false' } });
  assert.equal(plain.compress, false);
});

test('local compresses, json-file where it is told to, and only what is rotated', () => {
  const compresses = (type: string, config: Record<string, string>): boolean =>
    logFileSettings({ type, config }).compress;
  assert.equal(compresses('local', {}), true);
  assert.equal(compresses('local', { compress: 'false' }), false);
  assert.equal(compresses('local', { 'max-file': '1' }), false);
  assert.equal(compresses('json-file', {}), false);
  assert.equal(compresses('json-file', { compress: 'true' }), true);
  assert.throws(
    () => compresses('json-file', { compress: 'true', 'max-file': '1' }),
    (error: unknown) => isEngineError(error, 'invalid-argument'),
  );
});

test('attributes stand in the lines of json-file only', () => {
  const options = { labels: 'a,b', env: 'E', tag: '{{.Name}}/{{.ID}}' };
  assert.equal(
    targetOf({ type: 'json-file', config: options })?.attributes,
    String.raw`"attrs":{"E":"v","a":"x\"y","b":"1","tag":"web/abc"},`,
  );
  assert.equal(targetOf({ type: 'json-file', config: {} })?.attributes, undefined);
  assert.equal(targetOf({ type: 'syslog', config: options })?.attributes, undefined);
});

test('output waits in memory where it may not hold the container up', () => {
  const bufferOf = (config: Record<string, string>): number | undefined =>
    targetOf({ type: 'json-file', config })?.buffer;
  assert.equal(bufferOf({}), undefined);
  assert.equal(bufferOf({ mode: 'blocking' }), undefined);
  assert.equal(bufferOf({ mode: 'non-blocking' }), 1 << 20);
  assert.equal(bufferOf({ mode: 'non-blocking', 'max-buffer-size': '4k' }), 4096);
});
