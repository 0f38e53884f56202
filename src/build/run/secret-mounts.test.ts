import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import { PairedStream } from '../../util/duplex-pair.ts';
import type { BuildSecrets } from '../build-types.ts';
import type { RunMount } from '../dockerfile/ast.ts';
import { parseMount } from '../dockerfile/mounts.ts';
import { openGitAccess } from './git-access.ts';
import { agentMount, secretMount, secretTarget } from './secret-mounts.ts';
import { StepScratch } from './step-scratch.ts';

const { signal } = new AbortController();
const mountOf = (text: string): RunMount => parseMount(text, (value) => value);

async function scratchOf(context: TestContext): Promise<StepScratch> {
  const execRoot = mkdtempSync(`${tmpdir()}/secrets-`);
  context.after(() => rmSync(execRoot, { recursive: true, force: true }));
  return await StepScratch.make({ execRoot });
}

function secretsOf(change: Partial<BuildSecrets>): BuildSecrets {
  return {
    secret: async () => undefined,
    ssh: async () => undefined,
    credentials: async () => undefined,
    ...change,
  };
}

/** An agent that says what it hears. */
function echoing(): PairedStream {
  const [ours, theirs] = PairedStream.pair();
  theirs.on('error', () => undefined);
  theirs.pipe(theirs);
  return ours;
}

test('a secret is a file that only its owner reads, and gone with the step', async (context) => {
  const scratch = await scratchOf(context);
  const mount = mountOf('type=secret,id=key,mode=0440,gid=7');
  const given = secretsOf({ secret: async (id) => Buffer.from(`of ${id}`) });
  const opened = await secretMount(mount, secretTarget(mount), given, scratch, signal);
  const path = opened.mount?.source ?? '';
  assert.equal(opened.mount?.destination, '/run/secrets/key');
  assert.equal(readFileSync(path, 'utf8'), 'of key');
  assert.deepEqual([statSync(path).mode & 0o777, statSync(path).gid], [0o440, 7]);
  await scratch.close();
  assert.equal(existsSync(scratch.directory), false);
});

test('a secret that is a variable is no file unless a target is named', async (context) => {
  const scratch = await scratchOf(context);
  const given = secretsOf({ secret: async () => Buffer.from('v') });
  const variable = mountOf('type=secret,id=key,env=KEY');
  assert.deepEqual(await secretMount(variable, secretTarget(variable), given, scratch, signal), {
    environment: ['KEY=v'],
  });
  const both = mountOf('type=secret,id=key,env=KEY,target=/k');
  const opened = await secretMount(both, secretTarget(both), given, scratch, signal);
  assert.deepEqual([opened.mount?.destination, opened.environment], ['/k', ['KEY=v']]);
});

test('an agent is heard through its socket, by as many as connect', async (context) => {
  const scratch = await scratchOf(context);
  const given = secretsOf({ ssh: async () => echoing() });
  const { mount, environment } = await agentMount(mountOf('type=ssh'), '/agent', given, scratch, signal);
  assert.deepEqual(environment, ['SSH_AUTH_SOCK=/agent']);
  for (const text of ['one', 'two']) {
    const socket = connect(mount?.source ?? '');
    socket.write(text);
    const [answer] = await once(socket, 'data');
    assert.equal(String(answer), text);
    socket.destroy();
  }
  await scratch.close();
  const late = connect(mount?.source ?? '');
  const [error] = await once(late, 'error');
  assert.equal(error.code, 'ENOENT');
});

test('what is required and missing is an error; else it is left out', async (context) => {
  const scratch = await scratchOf(context);
  const none = secretsOf({});
  await assert.rejects(
    agentMount(mountOf('type=ssh,required'), '/a', none, scratch, signal),
    /unset ssh forward key default/,
  );
  assert.deepEqual(await agentMount(mountOf('type=ssh'), '/a', none, scratch, signal), { environment: [] });
});

test('git over https gets the token, over ssh the agent', async (context) => {
  const scratch = await scratchOf(context);
  const engine = { config: { execRoot: scratch.directory } } as Parameters<typeof openGitAccess>[0];
  const given = secretsOf({ secret: async (id) => Buffer.from(`${id}\n`), ssh: async () => echoing() });
  const https = await openGitAccess(engine, given, 'https://h/r.git', signal);
  assert.deepEqual(https.access, { token: 'GIT_AUTH_TOKEN' });
  const ssh = await openGitAccess(engine, given, 'git@h:r.git', signal);
  assert.equal(statSync(ssh.access.sshAgent ?? '').isSocket(), true);
  await ssh.close();
  assert.deepEqual((await openGitAccess(engine, secretsOf({}), 'git@h:r.git', signal)).access, {});
});
