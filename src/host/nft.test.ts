import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError } from '../errors/engine-error.ts';
import type { CommandRequest, CommandResult } from './launcher-types.ts';
import { droppingChains, Nft, requireIdentifier } from './nft.ts';

/** Stands in for nft, which needs root: refuses scripts that say so (test/integration/network-bridge.test.ts has the real one). */
function recorder() {
  const scripts: string[] = [];
  const run = async ({ stdin = '' }: CommandRequest): Promise<CommandResult> => {
    scripts.push(String(stdin));
    await sleep(5);
    const exitCode = String(stdin).includes('bad') ? 1 : 0;
    return {
      exitCode,
      signal: null,
      timedOut: false,
      stdout: Buffer.alloc(0),
      stderr: Buffer.from('Error: no\n'),
    };
  };
  return { scripts, nft: new Nft({ run }) };
}

test('scripts that wait are applied together, in order', async () => {
  const { scripts, nft } = recorder();
  await Promise.all(['a', 'b', 'c'].map((script) => nft.apply(script)));
  await nft.apply('d');
  assert.deepEqual(scripts, ['a', 'b\nc', 'd']);
});

test('of scripts applied together, only the one at fault fails', async () => {
  const { scripts, nft } = recorder();
  const results = await Promise.allSettled(['a', 'b', 'bad', 'c'].map((script) => nft.apply(script)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(scripts, ['a', 'b\nbad\nc', 'b', 'bad', 'c']);
  await assert.rejects(
    nft.apply('bad'),
    (error: unknown) => isEngineError(error, 'internal') && /Error: no/.test(error.message),
  );
});

test('chains that drop what they do not know at the forward hook are found', () => {
  const chain = (more: object) => ({
    chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop', ...more },
  });
  const json = JSON.stringify({
    nftables: [
      { metainfo: {} },
      chain({}),
      chain({ policy: 'accept' }),
      chain({ hook: 'input', name: 'INPUT' }),
      chain({ family: 'bridge' }),
    ],
  });
  assert.deepEqual(droppingChains(json, 'forward'), ['ip filter FORWARD']);
  assert.deepEqual(droppingChains('{}', 'input'), []);
});

test('a table’s name must be able to stand in a script', () => {
  assert.equal(requireIdentifier('gantry-2'), 'gantry-2');
  assert.throws(
    () => requireIdentifier('a; flush ruleset'),
    (error: unknown) => isEngineError(error, 'invalid-argument'),
  );
});
