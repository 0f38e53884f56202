/** Reads a configuration file with the variables over it, and says where in it something is wrong. */
import { readFileSync } from 'node:fs';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import { applyEnvironment } from './environment.ts';
import { type Findings, isRecord, type Path } from './fields.ts';
import { type ConfigurationFile, configurationKeys } from './keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedFile {
  values: ConfigurationFile;
  /** What means nothing, one sentence each. */
  warnings: string[];
  /** `FILE: PATH`, or `FILE:LINE: PATH`, for messages. */
  locate(path: Path): string;
}

/** Throws EngineErrors `not-found`, `invalid-argument` (all that is wrong, one line each). `path` undefined: the variables alone. */
export function loadFile(path: string | undefined, environment: Environment): LoadedFile {
  const name = path ?? 'the environment';
  const lines = new LineCounter();
  const document = parseText(name, path === undefined ? 'version: 0.1\n' : read(path), lines);
  const locate = (at: Path): string => `${name}${lineOf(document, lines, at)}: ${at.join('.')}`;
  const tree: unknown = document.toJS() ?? {};
  if (!isRecord(tree)) throw invalid(`${name}: expected keys with values, not ${shown(tree)}`);
  checkVersion(name, tree['version']);
  const ignored = applyEnvironment(tree, configurationKeys, environment);
  const found = new Found(locate);
  const values = configurationKeys.decode(tree, [], found) ?? {};
  if (found.errors.length > 0) throw invalid(found.errors.join('\n'));
  const warnings = [
    ...found.warnings,
    ...ignored.map((one) => `Ignoring unrecognized environment variable ${one}`),
  ];
  return { values, warnings, locate };
}

class Found implements Findings {
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  readonly #locate: (path: Path) => string;

  constructor(locate: (path: Path) => string) {
    this.#locate = locate;
  }

  wrong(path: Path, expected: string, value: unknown): void {
    this.errors.push(`${this.#locate(path)}: expected ${expected}, not ${shown(value)}`);
  }

  unknown(path: Path, meant: string | undefined): void {
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    this.warnings.push(`${this.#locate(path)}: unknown key${hint}`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = errnoOf(cause) === 'ENOENT' ? 'not-found' : 'invalid-argument';
    throw new EngineError(code, `cannot read the configuration ${path}: ${messageOf(cause)}`, { cause });
  }
}

function parseText(name: string, text: string, lineCounter: LineCounter): Document {
  const document = parseDocument(text, { lineCounter, logLevel: 'silent' });
  const [error] = document.errors;
  if (error === undefined) return document;
  const { line } = lineCounter.linePos(error.pos[0]);
  throw invalid(`${name}:${line}: this is no YAML: ${error.message.split('\n')[0]}`);
}

function checkVersion(name: string, version: unknown): void {
  if (String(version) === '0.1') return;
  const said = version === undefined ? 'version is missing' : `unsupported version: ${shown(version)}`;
  throw new EngineError('invalid-argument', `${name}: ${said}`, {
    hint: 'Begin the configuration with the line "version: 0.1".',
  });
}

/** `:LINE` of what stands at `path` in the file; nothing for what a variable put there. */
function lineOf(document: Document, lines: LineCounter, path: Path): string {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return `:${lines.linePos(node.range[0]).line}`;
  }
  return '';
}

function shown(value: unknown): string {
  const words = JSON.stringify(value) ?? 'nothing';
  return words.length > 60 ? `${words.slice(0, 57)}...` : words;
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}
