/** Prints lists: docker's tables, `--format` templates, JSON lines, and IDs alone. */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { executeTemplate } from '../template/evaluate.ts';
import { functions, headerFunctions } from '../template/functions.ts';
import type { Template } from '../template/nodes.ts';
import { parseTemplate } from '../template/parser.ts';
import { GoRow, type GoValue } from '../template/value.ts';
import { alignColumns } from './tabwriter.ts';

export interface RowFormat {
  /** Headings by field. */
  headings: Readonly<Record<string, string>>;
  /** Columns where no format is given: `{{.ID}}\t{{.Names}}`. */
  columns: string;
  /** Template of `-q`. */
  quiet?: string;
}

const names: ReadonlySet<string> = new Set(functions.keys());

/**
 * The text of `rows` in `format`: '' or `table` for docker's table, `table TEMPLATE`, `json`, or a template.
 * EngineError `invalid-argument` for a bad template.
 */
export function formatRows(
  format: string,
  quiet: boolean,
  layout: RowFormat,
  rows: readonly GoRow[],
): string {
  const { isTable, source } = chooseTemplate(format, quiet, layout);
  const template = withPrefix('failed to parse template', () => compileTemplate(source));
  const lines = withPrefix('failed to execute template', () =>
    rows.map((row) => `${executeTemplate(template, row)}\n`),
  );
  if (!isTable) return lines.join('');
  return alignColumns(`${executeTemplate(template, headerRow(layout), headerFunctions)}\n${lines.join('')}`);
}

/** Parses a user's template. EngineError `invalid-argument` in Go's words. */
export function compileTemplate(source: string): Template {
  return parseTemplate(source, names);
}

/** Runs `action`; its errors begin with `prefix`, and end the program with `exitCode` where one is given. */
export function withPrefix<T>(prefix: string, action: () => T, exitCode?: number): T {
  try {
    return action();
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError('invalid-argument', `${prefix}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(exitCode === undefined ? {} : { details: { exitCode } }),
    });
  }
}

function chooseTemplate(
  format: string,
  quiet: boolean,
  layout: RowFormat,
): { isTable: boolean; source: string } {
  const unescaped = format.replaceAll('\\t', '\t').replaceAll('\\n', '\n').trim();
  if (unescaped === '' || unescaped === 'table') {
    if (quiet && layout.quiet !== undefined) return { isTable: false, source: layout.quiet };
    return { isTable: true, source: layout.columns };
  }
  if (unescaped === 'json') return { isTable: false, source: '{{json .}}' };
  if (/^table\s/.test(unescaped)) return { isTable: true, source: unescaped.slice('table'.length).trim() };
  return { isTable: false, source: unescaped };
}

/** In the first line each field is its heading, and `.Label "com.example.some-name"` is `some name`. */
function headerRow(layout: RowFormat): GoRow {
  const methods = Object.entries(layout.headings).map(([field, heading]): [string, () => GoValue] => [
    field,
    () => heading,
  ]);
  const label = (name: GoValue): GoValue => String(name).split('.').at(-1)?.replace(/[-_]/g, ' ');
  return new GoRow('heading', { ...Object.fromEntries(methods), Label: label });
}

/** `a=1,b=2`, by name. */
export function joinLabels(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}

/** The method of `{{.Label "name"}}`. */
export function labelMethod(
  labels: Readonly<Record<string, string>> | null | undefined,
): (name: GoValue) => GoValue {
  return (name) => (typeof name === 'string' ? labels?.[name] : undefined) ?? '';
}

export const formatHelp =
  "Format output: 'table' (default), 'table TEMPLATE', 'json', or a Go template such as '{{.ID}} {{.Names}}'";
