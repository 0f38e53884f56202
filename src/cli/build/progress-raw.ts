/** Progress for programs: one JSON document a line. */
import type { BuildLine } from '../../wire/build-session.ts';
import type { Output } from '../io.ts';
import type { ProgressDisplay } from './progress-display.ts';
import type { ProgressModel } from './progress-model.ts';

/**
 * Documents have the fields of BuildKit's status messages: `vertexes`, `statuses`, `logs` or `warnings`, of one entry each; logs and sources are in
 * base64, times in RFC 3339.
 */
export class RawDisplay implements ProgressDisplay {
  readonly #model: ProgressModel;
  readonly #output: Pick<Output, 'write'>;

  constructor(model: ProgressModel, output: Pick<Output, 'write'>) {
    this.#model = model;
    this.#output = output;
  }

  take(line: BuildLine): void {
    this.#model.take(line);
    const document = documentOf(line);
    if (document !== undefined) this.#output.write(`${JSON.stringify(document)}\n`);
  }

  end(): void {
    // Each document was written when it came.
  }
}

function documentOf(line: BuildLine): object | undefined {
  if ('vertex' in line) {
    const { startedAt, completedAt, isCached, missReason, lines, ...vertex } = line.vertex;
    return {
      vertexes: [
        {
          ...vertex,
          ...timeField('started', startedAt),
          ...timeField('completed', completedAt),
          ...(isCached === true ? { cached: true } : {}),
          ...(missReason === undefined ? {} : { missReason }),
          ...(lines === undefined ? {} : { lines }),
        },
      ],
    };
  }
  if ('log' in line) {
    const { at, ...log } = line.log;
    return { logs: [{ ...log, ...timeField('timestamp', at) }] };
  }
  if ('progress' in line) {
    const { startedAt, completedAt, ...status } = line.progress;
    return {
      statuses: [{ ...status, ...timeField('started', startedAt), ...timeField('completed', completedAt) }],
    };
  }
  if (!('warning' in line)) return undefined;
  return { warnings: [{ ...line.warning, source: Buffer.from(line.warning.source).toString('base64') }] };
}

function timeField(name: string, at: number | undefined): Record<string, string> {
  return at === undefined ? {} : { [name]: new Date(at).toISOString() };
}
