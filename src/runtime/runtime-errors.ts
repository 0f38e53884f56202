/** The one table that translates what OCI runtimes write when they fail into Docker's words, which clients match on. */
import { basename } from 'node:path';
import { EngineError, type ErrorCode } from '../errors/engine-error.ts';

export interface RuntimeFailure {
  kind: 'container' | 'exec';
  /** Path of the runtime's program. */
  runtime: string;
  /** What it wrote to stderr, or to its log. */
  text: string;
  /** Status of waitpid(2). */
  status: number;
  /** First argument of the process that was to start. */
  command: string;
}

interface Rule {
  pattern: RegExp;
  code: ErrorCode;
  /** The reason in Docker's words; `$1` and `$2` are the pattern's groups, `$0` is the command. */
  reason: string;
  hint?: string;
}

const missing = {
  code: 'invalid-argument',
  hint: 'Check the name of the command and that the image has it.',
} as const;
const forbidden = {
  code: 'invalid-argument',
  hint: 'Make the file executable, or name another command.',
} as const;

/** First match wins. crun's texts have backquotes and end in strerror(3); runc's have Go's. */
const rules: readonly Rule[] = [
  {
    ...missing,
    pattern: /executable file `([^`/]+)` not found/,
    reason: 'exec: "$1": executable file not found in $PATH',
  },
  {
    ...missing,
    pattern: /executable file `([^`]+)` not found/,
    reason: 'exec: "$1": stat $1: no such file or directory',
  },
  { ...missing, pattern: /(exec: ".*": executable file not found in \$PATH)/, reason: '$1' },
  { ...missing, pattern: /(exec: ".*": stat .*: no such file or directory)/, reason: '$1' },
  {
    ...forbidden,
    pattern: /(?:open executable|exec): (?:Permission denied|Operation not permitted|Is a directory)/,
    reason: 'exec: "$0": permission denied',
  },
  { ...forbidden, pattern: /(exec: ".*": permission denied)/, reason: '$1' },
  { ...forbidden, pattern: /(exec: ".*": is a directory)/i, reason: '$1' },
  {
    ...forbidden,
    pattern: /open executable: Not a directory/,
    reason: 'exec: "$0": stat $0: not a directory',
  },
  { ...missing, pattern: /(exec: ".*": .*: not a directory)/, reason: '$1' },
  {
    code: 'invalid-argument',
    pattern: /chdir `([^`]*)`: (.+)/,
    reason: 'chdir to cwd ("$1") set in config.json failed: $2',
    hint: 'Name another working directory.',
  },
  {
    code: 'invalid-argument',
    pattern: /(chdir to cwd \(".*"\) set in config\.json failed: .*)/,
    reason: '$1',
  },
  {
    code: 'not-found',
    pattern: /container (?:`[^`]*` )?does not exist|opening file `.*\/status`/,
    reason: 'container does not exist',
  },
  {
    code: 'conflict',
    pattern: /the container `[^`]*` is not running|cannot exec in a (?:stopped|paused) container/,
    reason: 'the container is not running',
  },
];

/** The error of a container or exec that could not be started. */
export function startError(failure: RuntimeFailure): EngineError {
  const text = lastLine(failure.text) || `${basename(failure.runtime)} ended with status ${failure.status}`;
  const rule = rules.find(({ pattern }) => pattern.test(text));
  const reason = rule === undefined ? text : reasonOf(rule, text, failure.command);
  const where = failurePrefix(failure);
  return new EngineError(
    rule?.code ?? 'internal',
    `${where}unable to start container process: ${reason}: unknown`,
    {
      ...(rule?.hint === undefined ? {} : { hint: rule.hint }),
      details: { runtime: failure.runtime },
    },
  );
}

/** What Docker puts before a runtime's failure. */
export function failurePrefix({ kind, runtime }: Pick<RuntimeFailure, 'kind' | 'runtime'>): string {
  return kind === 'exec' ? execPrefix : createPrefix(runtime);
}

const execPrefix = 'OCI runtime exec failed: exec failed: ';

function createPrefix(runtime: string): string {
  const name = basename(runtime);
  return `failed to create task for container: failed to create shim task: OCI runtime create failed: ${name} create failed: `;
}

function reasonOf(rule: Rule, text: string, command: string): string {
  const groups = rule.pattern.exec(text) ?? [];
  return rule.reason.replaceAll(/\$([0-2])/g, (_, digit: string) =>
    digit === '0' ? command : (groups[Number(digit)] ?? ''),
  );
}

/** The last line of what a runtime wrote. */
export function lastWords(text: string): string {
  return lastLine(text);
}

/** The last line, without logrus's frame around it and without what runc says before "unable to start". */
function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  const framed = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  const bare = framed === undefined ? line : framed.replaceAll(/\\(.)/g, '$1');
  return bare
    .replace(/^(?:runc \w+ failed|exec failed): /, '')
    .replace(/^unable to start container process: /, '');
}

/** The error of another command of the runtime (`pause`, `delete`, …). */
export function commandError(what: string, text: string): EngineError {
  const line = lastLine(text);
  const code = /does not exist|opening file `.*\/status`|No such file/.test(line) ? 'not-found' : 'internal';
  return new EngineError(code, `${what}: ${line || 'the OCI runtime failed'}`);
}
