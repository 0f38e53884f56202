/** Builds, by the stock command line's classic builder with either engine: many steps, large archives, many stages, many files. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elapsedMs, runQuietly } from './measure.ts';

type Docker = (...args: string[]) => string[];

const stepCount = 20;
const stageCount = 10;
const fileCount = 50_000;
/** Seconds that each stage sleeps. */
const stageTime = 0.5;

/** A build of `directory`, which is also the context. */
function build(docker: Docker, directory: string, ...flags: string[]): Promise<void> {
  return runQuietly(['env', 'DOCKER_BUILDKIT=0', ...docker('build', '-q', ...flags, directory)]);
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-bench-build-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function writeDockerfile(directory: string, lines: readonly string[]): void {
  writeFileSync(join(directory, 'Dockerfile'), `${lines.join('\n')}\n`);
}

/** Milliseconds of twenty RUN steps that nothing is known of, and of the same once more. */
export function measureSteps(docker: Docker): Promise<{ fresh: number; cached: number }> {
  return inDirectory(async (directory) => {
    const steps = Array.from({ length: stepCount }, (_, at) => `RUN echo ${at} >/file${at}`);
    writeDockerfile(directory, ['FROM busybox', ...steps]);
    const fresh = await elapsedMs(() => build(docker, directory));
    const again = [0, 0, 0];
    for (const at of again.keys()) again[at] = await elapsedMs(() => build(docker, directory));
    return { fresh, cached: again.toSorted((a, b) => a - b)[1] ?? Number.NaN };
  });
}

/** Milliseconds of a build that unpacks the three tars of the image that is shipped, `archive` being what `docker save` makes of it. */
export function measureArchives(docker: Docker, archive: string): Promise<number> {
  return inDirectory(async (directory) => {
    const names = ['0.tar', '1.tar', '2.tar'];
    execFileSync('tar', ['-xf', archive, '-C', directory, ...names.map((name) => `./${name}`)]);
    writeDockerfile(directory, ['FROM busybox', ...names.map((name) => `ADD ${name} /${name}.d/`)]);
    return await elapsedMs(() => build(docker, directory));
  });
}

/** Milliseconds of nine stages that sleep, and one that takes a file of each. */
export function measureStages(docker: Docker): Promise<number> {
  return inDirectory(async (directory) => {
    const stages = Array.from({ length: stageCount - 1 }, (_, at) => at);
    writeDockerfile(directory, [
      ...stages.flatMap((at) => [`FROM busybox AS s${at}`, `RUN sleep ${stageTime}; echo ${at} >/made${at}`]),
      'FROM busybox',
      ...stages.map((at) => `COPY --from=s${at} /made${at} /`),
    ]);
    return await elapsedMs(() => build(docker, directory));
  });
}

/** Milliseconds of a rebuild of a context of many files, of which none has changed. */
export function measureContext(docker: Docker): Promise<number> {
  return inDirectory(async (directory) => {
    for (let folder = 0; folder < fileCount / 100; folder += 1) {
      const path = join(directory, `folder${folder}`);
      mkdirSync(path);
      for (let at = 0; at < 100; at += 1) writeFileSync(join(path, `file${at}`), `${folder} ${at}\n`);
    }
    writeDockerfile(directory, ['FROM busybox', 'COPY . /files']);
    await build(docker, directory);
    return await elapsedMs(() => build(docker, directory));
  });
}
