/** SIGKILL of the daemon in the midst of a build: the next start sweeps what was left, and the next build is right. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestBuilder } from '../support/build.ts';

let builder: TestBuilder;
before(async () => {
  builder = await TestBuilder.start();
});
after(() => builder.close());

const dockerfile = `
FROM busybox AS tool
COPY in /in
RUN --mount=type=cache,target=/cache cat /in/file >/cache/x && cp /cache/x /tool && sleep 0.1
FROM busybox
WORKDIR /work
RUN echo one >one && sleep 0.1
RUN rm -rf /work/one && echo two >two
COPY --from=tool /tool tool
RUN cat two tool >all
CMD ["cat", "/work/all"]
`;

/** Milliseconds after the build began; a whole one takes some six hundred. */
const moments = [5, 90, 170, 250, 340, 430, 560];

/** Builds in a program of its own and kills that after `ms`. Returns whether it had finished. */
async function killedBuild(ms: number): Promise<boolean> {
  const program = join(import.meta.dirname, '../support/build-crash-run.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(builder.test.config), builder.context], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  for (let waited = 0; !said.includes('building') && waited < 15_000; waited += 5) await sleep(5);
  assert.match(said, /^building/);
  await sleep(ms);
  child.kill('SIGKILL');
  await ended;
  return said.includes('built');
}

function processesOf(root: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const { argv, mounts } = {
          argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
          mounts: readFileSync(`/proc/${pid}/mountinfo`, 'utf8'),
        };
        return argv.includes(root) || mounts.includes(`${root}/`);
      } catch {
        return false;
      }
    });
}

async function assertSwept(): Promise<void> {
  const { dataRoot, execRoot } = builder.test.config;
  const names = (...path: string[]): string[] =>
    existsSync(join(...path)) ? readdirSync(join(...path)) : [];
  assert.deepEqual(names(dataRoot, 'overlay', 'drafts'), []);
  assert.deepEqual(names(execRoot, 'build'), []);
  assert.deepEqual(names(execRoot, 'bundles'), []);
  assert.deepEqual(builder.test.engine.bridge.endpoints(), []);
  const own = new Set(ownProcesses());
  const strangers = (): string[] => processesOf(builder.test.root).filter((pid) => !own.has(pid));
  // A shim that waits for a daemon that is gone leaves by itself.
  for (let waited = 0; strangers().length > 0 && waited < 10_000; waited += 100) await sleep(100);
  assert.deepEqual(strangers(), []);
}

/** This process' own children: the launcher and its like. */
function ownProcesses(): string[] {
  return readdirSync(`/proc/${process.pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${process.pid}/task/${task}/children`, 'utf8').trim().split(' ');
    } catch {
      return [];
    }
  });
}

test('killed at any moment, the next build is right and nothing is left', { timeout: 200_000 }, async () => {
  builder.write('in/file', 'from the context\n');
  builder.write('Dockerfile', dockerfile);
  let finished = 0;
  for (const [index, ms] of moments.entries()) {
    builder.write('in/file', `from the context ${index}\n`);
    await builder.reopen(async () => {
      if (await killedBuild(ms)) finished += 1;
    });
    await assertSwept();
    await builder.build(dockerfile);
    assert.equal(await builder.run([]), `two\nfrom the context ${index}\n`);
    await builder.builder.prune(
      { all: true, keepStorage: 0, maxUsedSpace: 0, minFreeSpace: 0, unusedFor: 0, filters: new Map() },
      new AbortController().signal,
    );
  }
  assert.equal(finished < moments.length, true, 'none was killed while it was built');
});
