/** Options of the json-file log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import type { ContainerRecord, HostConfig } from '../model.ts';
import { completeLogConfig, logTarget, validateLogConfig } from './target.ts';

function targetOf(logConfig: HostConfig['logConfig']): ReturnType<typeof logTarget> {
  const record = { id: 'abc', hostConfig: { logConfig } } as unknown as ContainerRecord;
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

test('unknown drivers and options are refused', () => {
  const bad: Array<HostConfig['logConfig']> = [
    { type: 'syslog', config: {} },
    { type: 'json-file', config: { colour: 'red' } },
    { type: 'json-file', config: { 'max-size': 'much' } },
    { type: 'json-file', config: { 'max-file': '0' } },
  ];
  for (const config of bad) {
    assert.throws(
      () => validateLogConfig(config),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
      JSON.stringify(config),
    );
  }
});

test("the daemon's options stand where the container has the same driver", () => {
  const daemon = { logDriver: 'json-file', logOpts: { 'max-size': '1m', 'max-file': '2' } };
  assert.deepEqual(completeLogConfig({ type: '', config: { 'max-size': '5m' } }, daemon), {
    type: 'json-file',
    config: { 'max-size': '5m', 'max-file': '2' },
  });
  assert.deepEqual(completeLogConfig({ type: 'none', config: {} }, daemon), { type: 'none', config: {} });
});
