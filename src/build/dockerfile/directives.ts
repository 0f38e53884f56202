/** The parser directives at the top of a Dockerfile: `# syntax=`, `# escape=` and `# check=`. */

import { trimSpaceStart } from '../../util/characters.ts';
import type { Directives, SourceRange } from './ast.ts';
import { parseError, type SourceText } from './errors.ts';

const known = new Set(['syntax', 'escape', 'check']);

/** Reads line by line; the first line that is no directive ends it. */
export class DirectiveReader {
  private readonly values = new Map<string, string>();
  private readonly ranges: Record<string, SourceRange> = {};
  private readonly source: SourceText;
  private done = false;
  private afterShebang = false;

  constructor(source: SourceText) {
    this.source = source;
  }

  /** Takes the line (without its end) if it is a directive. DockerfileError for one given twice, or a bad escape. */
  take(line: string, number: number): boolean {
    if (this.done) return false;
    // A file that can be executed has its directives below the `#!`, but no escape (Docker reads that in a stricter way).
    if (number === 1 && line.startsWith('#!')) {
      this.afterShebang = true;
      return false;
    }
    const match = line.startsWith('#')
      ? /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/s.exec(trimSpaceStart(line.slice(1)))
      : null;
    const name = match?.[1]?.toLowerCase() ?? '';
    if (match === null || !known.has(name)) {
      this.done = true;
      return false;
    }
    this.set(name, (match[2] ?? '').trimEnd(), {
      start: { line: number, column: 1 },
      end: { line: number, column: line.length + 1 },
    });
    return true;
  }

  private set(name: string, value: string, range: SourceRange): void {
    const place = { source: this.source, range };
    if (this.values.has(name))
      throw parseError(`only one ${name} parser directive can be used`, place, 'remove the second one');
    if (name === 'escape' && value !== '\\' && value !== '`') {
      throw parseError(
        `invalid escape token '${value}' does not match \` or \\`,
        place,
        'write # escape=` or # escape=\\',
      );
    }
    if (name === 'escape' && this.afterShebang) return;
    this.values.set(name, value);
    this.ranges[name] = range;
  }

  get escape(): '\\' | '`' {
    return this.values.get('escape') === '`' ? '`' : '\\';
  }

  get directives(): Directives {
    return {
      syntax: this.values.get('syntax')?.split(' ', 1)[0],
      escape: this.escape,
      check: this.values.get('check')?.split(' ', 1)[0],
      ranges: this.ranges,
    };
  }
}
