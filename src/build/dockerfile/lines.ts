/** Puts the lines of a file together to instructions: continuations joined, comments and empty lines within left out. */

import { trimEndOf, trimSpace, trimSpaceStart } from '../../util/characters.ts';
import type { Heredoc, ParserNote, SourceRange } from './ast.ts';
import { DirectiveReader } from './directives.ts';
import { parseError, type SourceText } from './errors.ts';
import { endsHeredoc } from './heredocs.ts';

export interface LogicalLine {
  /** Joined, without white space before it. */
  text: string;
  range: SourceRange;
  comments: readonly string[];
}

export class LineReader {
  readonly source: SourceText;
  readonly notes: ParserNote[] = [];
  readonly directives: DirectiveReader;
  /** Lines with their ends: a here-document keeps them. */
  private readonly physical: readonly string[];
  private index = 0;
  private comments: string[] = [];

  /** `content` is UTF-8 text, with or without a byte order mark. */
  constructor(name: string, content: string) {
    const text = content.startsWith('\ufeff') ? content.slice(1) : content;
    this.physical = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    this.source = { name, lines: this.physical.map(withoutEnd) };
    this.directives = new DirectiveReader(this.source);
  }

  /** The next instruction's line, or undefined at the end of the file. */
  next(): LogicalLine | undefined {
    while (this.index < this.physical.length) {
      const begin = this.index;
      const first = this.readFirst();
      if (first === undefined) continue;
      const text = first.ends ? first.text : this.readContinuation(first.text);
      const comments = this.comments;
      this.comments = [];
      return { text, range: this.rangeFrom(begin), comments };
    }
    return undefined;
  }

  /** The here-document with its text, whose lines are taken from the file. DockerfileError without its end. */
  readHeredoc(heredoc: Heredoc, line: LogicalLine): Heredoc {
    const begin = this.index;
    for (; this.index < this.physical.length; this.index += 1) {
      if (!endsHeredoc(heredoc, this.physical[this.index] ?? '')) continue;
      const content = this.physical.slice(begin, this.index).join('');
      this.index += 1;
      return { ...heredoc, content };
    }
    throw parseError(
      'unterminated heredoc',
      { source: this.source, range: line.range },
      `end it with a line that is ${heredoc.name} and nothing else`,
    );
  }

  /** From the start of `line` to the end of what was read last. */
  rangeTo(line: LogicalLine): SourceRange {
    return { start: line.range.start, end: this.rangeFrom(this.index - 1).end };
  }

  /** The file's text of a range of whole lines. */
  original(range: SourceRange): string {
    return this.source.lines.slice(range.start.line - 1, range.end.line).join('\n');
  }

  private rangeFrom(begin: number): SourceRange {
    const first = this.source.lines[begin] ?? '';
    const last = this.source.lines[this.index - 1] ?? '';
    return {
      start: { line: begin + 1, column: first.length - trimSpaceStart(first).length + 1 },
      end: { line: this.index, column: last.length + 1 },
    };
  }

  /** The first line of an instruction; undefined for a comment, a directive or nothing. */
  private readFirst(): { text: string; ends: boolean } | undefined {
    const line = trimSpaceStart(this.source.lines[this.index] ?? '');
    this.index += 1;
    const isDirective = this.directives.take(line, this.index);
    if (line.startsWith('#')) {
      if (!isDirective) this.addComment(trimSpace(line.slice(1)));
      return undefined;
    }
    const piece = withoutContinuation(line, this.directives.escape);
    return piece.ends && piece.text === '' ? undefined : piece;
  }

  /** An empty comment parts those above it from what follows. */
  private addComment(comment: string): void {
    if (comment === '') this.comments = [];
    else this.comments.push(comment);
  }

  private readContinuation(first: string): string {
    const pieces = [first];
    let emptyLine: number | undefined;
    while (this.index < this.physical.length) {
      const line = this.source.lines[this.index] ?? '';
      this.index += 1;
      const bare = trimSpaceStart(line);
      if (bare.startsWith('#')) continue;
      if (bare === '') {
        emptyLine ??= this.index;
        continue;
      }
      const piece = withoutContinuation(line, this.directives.escape);
      pieces.push(piece.text);
      if (piece.ends) break;
    }
    if (emptyLine !== undefined) this.noteEmpty();
    return pieces.join('');
  }

  /** The place is the last line of the instruction, as Docker has it. */
  private noteEmpty(): void {
    const range = this.rangeFrom(this.index - 1);
    this.notes.push({ kind: 'empty-continuation', range, detail: '' });
  }
}

function withoutEnd(line: string): string {
  return trimEndOf(line, (one) => one === '\r' || one === '\n');
}

/** An escape at the end, unless escaped itself, goes on in the next line. Blanks behind it don't matter. */
function withoutContinuation(line: string, mark: string): { text: string; ends: boolean } {
  const bare = trimEndOf(line, (one) => one === ' ' || one === '\t');
  const continues = bare.endsWith(mark) && !bare.endsWith(mark + mark);
  return continues ? { text: bare.slice(0, -1), ends: false } : { text: line, ends: true };
}
