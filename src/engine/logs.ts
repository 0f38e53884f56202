/** What a container wrote, for clients: from its log, and as it comes. */
import { EngineError } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { attributesText, extraAttributes } from './log/attributes.ts';
import type { LogBatch } from './log/decoder.ts';
import { isReadable } from './log/drivers.ts';
import { readLog } from './log/reader.ts';
import { fileAttributes, lineAttributes } from './log/target.ts';
import { logTimeOf } from './log/time.ts';
import type { HostConfig } from './model.ts';
import { containerFiles } from './paths.ts';
import { isActive } from './state.ts';
import { parseTimeBound } from './time-bound.ts';

export interface LogQuestion {
  stdout: boolean;
  stderr: boolean;
  /** Goes on until the container ends; at once over for one that doesn't run. */
  follow: boolean;
  /** As in the query: see `parseTimeBound`. */
  since?: string | undefined;
  until?: string | undefined;
  timestamps: boolean;
  /** A number of messages from the end; anything else means all. */
  tail: string;
  /** Bytes left free before each message, for a header that the reader writes there; none for a terminal. */
  headRoom?: number;
  /** Put the attributes that the log options name before each message. */
  details: boolean;
}

export interface ContainerLog {
  tty: boolean;
  /** Whole messages of one stream each; with the time and attributes that were asked for before each message. */
  lines: AsyncIterable<LogBatch>;
}

/**
 * EngineError `not-found`, `invalid-argument` for bad bounds, `not-implemented` where the container has no log that can be read.
 * Ends when `signal` aborts.
 */
export async function readLogs(
  engine: Pick<Engine, 'containers' | 'config'>,
  ref: string,
  question: LogQuestion,
  signal: AbortSignal,
): Promise<ContainerLog> {
  const container = engine.containers.resolve(ref);
  const { config, hostConfig } = container.record;
  requireReadable(hostConfig.logConfig);
  const since = parseTimeBound('since', question.since);
  const until = parseTimeBound('until', question.until);
  const options = {
    stdout: question.stdout,
    stderr: question.stderr,
    timestamps: question.timestamps,
    headRoom: config.tty ? 0 : (question.headRoom ?? 0),
    prefix: question.details ? `${attributesText(detailsOf(container.record))} ` : '',
    attributes: lineAttributes(container.record),
    since: since === undefined ? undefined : logTimeOf(since),
    until: until === undefined ? undefined : logTimeOf(until),
    tail: tailOf(question.tail),
    follow: question.follow && isActive(container.state) ? endOf(container) : undefined,
  };
  return {
    tty: config.tty,
    lines: readLog(containerFiles(engine.config, container.id).log, options, signal),
  };
}

/** When the run has ended, which is noted after everything that it wrote is in the log. */
function endOf(container: Container): (over: AbortSignal) => Promise<unknown> {
  return (over) => (isActive(container.state) ? container.exits.wait(over) : Promise.resolve());
}

/** What was written beside each line, or what a driver tells elsewhere. */
function detailsOf(record: Container['record']): Record<string, string> {
  const inFile = fileAttributes(record);
  return Object.keys(inFile).length > 0
    ? inFile
    : extraAttributes(record.config, record.hostConfig.logConfig.config);
}

function requireReadable(logConfig: HostConfig['logConfig']): void {
  if (isReadable(logConfig)) return;
  throw new EngineError('not-implemented', 'configured logging driver does not support reading', {
    hint:
      logConfig.type === 'none'
        ? 'run the container with --log-driver json-file in place of none'
        : 'run the container without --log-opt cache-disabled=true',
  });
}

/** Docker takes any text that is no number, and any negative number, for all. */
function tailOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
