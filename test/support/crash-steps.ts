/**
 * A program that does one thing with volumes and is killed at a step that it is told: `DIRECTORY WORK STEP`. Each call that changes the disk, or the database, is a
 * step, and SIGKILL comes before it. Prints `told` once the work is done; exit code 0 where there were fewer steps.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [directory = '', work = '', step = '0'] = process.argv.slice(2);
let left = Number(step);

/** SIGKILL is not there at once for a thread that goes on. */
function count(): void {
  left -= 1;
  if (left !== 0) return;
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** The functions themselves are what Node.js gives to everyone, so that who imported them calls these. */
function stepOn(holder: Record<string, unknown>, names: readonly string[]): void {
  for (const name of names) {
    const real = holder[name] as (...given: unknown[]) => unknown;
    holder[name] = (...given: unknown[]): unknown => {
      count();
      return real(...given);
    };
  }
}

/** What is opened is repaired first: only the work itself is counted. */
async function main(): Promise<void> {
  const { openCrashEngine, works } = await import('./crash-works.ts');
  const engine = await openCrashEngine(directory);
  if (left > 0) {
    const changing = ['mkdirSync', 'chmodSync', 'renameSync', 'rmdirSync', 'writeFileSync'];
    stepOn(fs as unknown as Record<string, unknown>, changing);
    stepOn(fs.promises as unknown as Record<string, unknown>, ['rename', 'rm', 'mkdir', 'writeFile']);
    syncBuiltinESMExports();
    engine.onWrite(count);
  }
  await works[work]?.(engine);
  fs.writeSync(1, 'told\n');
  await engine.close();
}

await main();
