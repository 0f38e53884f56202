/** A node:test reporter: one line a file, each failure in full, one line of counts; the counts are added to $GANTRY_TEST_TALLY. */
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';

interface TestEvent {
  type: string;
  data: {
    name?: string;
    file?: string;
    nesting?: number;
    skip?: boolean | string;
    todo?: boolean | string;
    message?: string;
    details?: {
      duration_ms?: number;
      type?: string;
      error?: Error & { cause?: unknown; failureType?: string };
    };
  };
}

interface FileTally {
  passed: number;
  failed: number;
  skipped: number;
  ms: number;
}

class Tally {
  readonly #files = new Map<string, FileTally>();

  /** Counts a test; suites and the file's own wrapper don't count, unless the wrapper failed by itself. */
  add(event: TestEvent): void {
    const tally = this.#of(event);
    if (event.data.skip !== undefined && event.data.skip !== false) tally.skipped += 1;
    else if (event.type === 'test:fail') tally.failed += 1;
    else tally.passed += 1;
  }

  /** A suite's time is that of its tests. */
  addTime(event: TestEvent): void {
    if (event.data.nesting === 0) this.#of(event).ms += event.data.details?.duration_ms ?? 0;
  }

  #of(event: TestEvent): FileTally {
    const file = event.data.file ?? '?';
    const tally = this.#files.get(file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 };
    this.#files.set(file, tally);
    return tally;
  }

  total(): FileTally {
    const sum = { passed: 0, failed: 0, skipped: 0, ms: 0 };
    for (const tally of this.#files.values()) {
      sum.passed += tally.passed;
      sum.failed += tally.failed;
      sum.skipped += tally.skipped;
      sum.ms += tally.ms;
    }
    return sum;
  }

  *lines(): Generator<string> {
    for (const [file, tally] of [...this.#files].sort(([a], [b]) => a.localeCompare(b))) {
      const mark = tally.failed > 0 ? '✗' : '✓';
      const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
      yield `${mark} ${relative('.', file)}  ${tally.passed} passed, ${tally.failed} failed${skipped}  ${Math.round(tally.ms)} ms\n`;
    }
  }
}

function describeFailure(event: TestEvent): string {
  const error = event.data.details?.error;
  const cause = error?.cause ?? error;
  return `\n✗ ${relative('.', event.data.file ?? '?')}: ${event.data.name ?? '?'}\n${inspect(cause, { depth: 6 })}\n\n`;
}

/** A suite whose hook failed: its tests say no more than that they were cancelled, or nothing where it was the last hook. */
function failedByItself({ type, data }: TestEvent): boolean {
  return type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed';
}

async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const tally = new Tally();
  for await (const event of source) {
    if (event.type === 'test:stderr' && event.data.message !== undefined) yield event.data.message;
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    tally.addTime(event);
    if (event.data.details?.type === 'suite' && !failedByItself(event)) continue;
    tally.add(event);
    if (event.data.skip) yield `- skipped: ${event.data.name ?? '?'}: ${String(event.data.skip)}\n`;
    else if (event.type === 'test:fail') yield describeFailure(event);
  }
  yield* tally.lines();
  const { passed, failed, skipped } = tally.total();
  yield `${passed} tests passed, ${failed} failed, ${skipped} skipped\n`;
  const path = process.env['GANTRY_TEST_TALLY'];
  if (path !== undefined) appendFileSync(path, `${passed} ${failed} ${skipped}\n`);
}

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter as a module's default export.
export default report;
