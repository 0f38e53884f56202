/** Ways to measure: whole commands by hyperfine, loops by the clock, memory by /proc. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Median milliseconds of a command, by hyperfine without a shell. */
export function commandMs(argv: readonly string[], runs: number): number {
  const path = join(tmpdir(), `gantry-bench-${process.pid}.json`);
  const command = argv.map((word) => `'${word}'`).join(' ');
  execFileSync(
    'hyperfine',
    ['-N', '-w', '2', '-r', String(runs), '--style', 'none', '--export-json', path, command],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const report: { results: Array<{ median: number }> } = JSON.parse(readFileSync(path, 'utf8'));
  rmSync(path);
  return (report.results[0]?.median ?? Number.NaN) * 1000;
}

/** Milliseconds that `work` took. */
export async function elapsedMs(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Runs a command to its end; rejects where it fails. Output is dropped. */
export function runQuietly(argv: readonly string[]): Promise<void> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${argv.join(' ')} failed: ${code}`)),
    );
  });
}

/** Runs `count` jobs, `width` at a time. */
export async function inParallel(
  count: number,
  width: number,
  job: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await job(index);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function statusField(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

/** Bytes of resident memory of a process. */
export function residentBytes(pid: number): number {
  return statusField(pid, 'VmRSS');
}

/** Bytes of proportional memory of a process. */
export function proportionalBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Pids of all processes whose command line matches. */
export function pidsMatching(pattern: RegExp): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
      } catch {
        return false;
      }
    });
}
