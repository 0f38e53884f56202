/** Parses Go templates (text/template without define, template and block). */
import { type Token, templateError, tokenize } from './lexer.ts';
import type { Command, Operand, Pipeline, Statement, Template } from './nodes.ts';

/**
 * Parses `source`; `functions` are the names that may be called. EngineError `invalid-argument`, in the words of
 * Go's text/template, for bad syntax, unknown functions and unknown variables.
 */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Template {
  const parser = new Parser(source, functions);
  return { source, body: parser.parseAll() };
}

type BlockKind = 'if' | 'with' | 'range';
type BlockEnd = 'end' | 'else';

class Parser {
  readonly #source: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: Token[];
  #index = 0;
  #variables: string[] = ['$'];
  #rangeDepth = 0;

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#functions = functions;
    this.#tokens = tokenize(source);
  }

  parseAll(): Statement[] {
    const { statements, end } = this.#parseStatements();
    if (end !== undefined) throw this.#error(`unexpected {{${end.text}}}`, end);
    return statements;
  }

  /** Statements up to `{{end}}`, `{{else` (the token is returned) or the end of the template. */
  #parseStatements(): { statements: Statement[]; end?: Token } {
    const statements: Statement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined) return { statements };
      this.#index += 1;
      if (token.kind === 'text') {
        statements.push({ kind: 'text', text: token.text, position: token.position });
        continue;
      }
      const keyword = this.#peek();
      if (keyword?.kind === 'identifier' && (keyword.text === 'end' || keyword.text === 'else')) {
        this.#index += 1;
        return { statements, end: keyword };
      }
      statements.push(this.#parseAction());
    }
  }

  #parseAction(): Statement {
    const token = this.#peek();
    if (token?.kind === 'identifier') {
      if (token.text === 'if' || token.text === 'with' || token.text === 'range')
        return this.#parseBlock(token, token.text);
      if (token.text === 'break' || token.text === 'continue') return this.#parseJump(token, token.text);
      if (['define', 'template', 'block'].includes(token.text)) {
        throw this.#error(`{{${token.text}}} is not supported`, token);
      }
    }
    const position = token?.position ?? this.#source.length;
    const pipeline = this.#parsePipeline('command');
    this.#expectClose('command');
    return { kind: 'print', pipeline, position };
  }

  #parseJump(token: Token, kind: 'break' | 'continue'): Statement {
    if (this.#rangeDepth === 0) throw this.#error(`{{${kind}}} outside {{range}}`, token);
    this.#index += 1;
    this.#expectClose(`{{${kind}}}`);
    return { kind, position: token.position };
  }

  #parseBlock(token: Token, kind: BlockKind): Statement {
    this.#index += 1;
    const known = this.#variables.length;
    const pipeline = this.#parsePipeline(kind);
    this.#expectClose(kind);
    if (kind === 'range') this.#rangeDepth += 1;
    const body = this.#parseStatements();
    if (kind === 'range') this.#rangeDepth -= 1;
    const otherwise = this.#parseElse(kind, body.end);
    this.#variables.length = known;
    return { kind, pipeline, body: body.statements, otherwise, position: token.position };
  }

  /** What follows a block's body: `{{end}}`, `{{else}}…{{end}}` or `{{else if …}}`. */
  #parseElse(kind: BlockKind, end: Token | undefined): Statement[] {
    if (end === undefined) throw this.#error('unexpected EOF', undefined);
    if (end.text === ('end' satisfies BlockEnd)) {
      this.#expectClose('{{end}}');
      return [];
    }
    const next = this.#peek();
    if (next?.kind === 'identifier' && next.text === kind && kind !== 'range')
      return [this.#parseBlock(next, kind)];
    this.#expectClose('{{else}}');
    const { statements, end: last } = this.#parseStatements();
    if (last === undefined) throw this.#error('unexpected EOF', undefined);
    if (last.text !== 'end') throw this.#error('expected end; found {{else}}', last);
    this.#expectClose('{{end}}');
    return statements;
  }

  #parsePipeline(context: string): Pipeline {
    const position = this.#peek()?.position ?? this.#source.length;
    const declared = this.#parseDeclaration(context);
    const commands: Command[] = [this.#parseCommand(context)];
    while (this.#takeSymbol('|')) commands.push(this.#parseCommand(context));
    for (const later of commands.slice(1)) {
      const head = later.operands[0];
      if (head?.kind === 'literal' || head?.kind === 'dot' || head?.kind === 'nil') {
        throw templateError(
          this.#source,
          later.position,
          `non executable command in pipeline stage ${commands.indexOf(later) + 1}`,
        );
      }
    }
    if (!declared.assigns) this.#variables.push(...declared.variables);
    return { ...declared, commands, position };
  }

  #parseDeclaration(context: string): { variables: string[]; assigns: boolean } {
    const start = this.#index;
    const variables: string[] = [];
    while (this.#peek()?.kind === 'variable') {
      variables.push(this.#next(context).text);
      const separator = this.#next(context);
      if (separator.kind === 'symbol' && (separator.text === ':=' || separator.text === '=')) {
        const assigns = separator.text === '=';
        for (const name of assigns ? variables : []) this.#checkVariable(name, separator);
        return { variables, assigns };
      }
      if (
        separator.kind === 'symbol' &&
        separator.text === ',' &&
        context === 'range' &&
        variables.length < 2
      )
        continue;
      break;
    }
    this.#index = start;
    return { variables: [], assigns: false };
  }

  #parseCommand(context: string): Command {
    const position = this.#peek()?.position ?? this.#source.length;
    const operands: Operand[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined) throw this.#error('unclosed action', undefined);
      const ends =
        token.kind === 'close' || (token.kind === 'symbol' && (token.text === '|' || token.text === ')'));
      if (ends) break;
      if (operands.length > 0 && !token.spaced)
        throw this.#error(`unexpected ${quote(token)} in operand`, token);
      operands.push(this.#parseOperand(context));
    }
    if (operands.length === 0) throw this.#error(`missing value for ${context}`, this.#peek());
    return { operands, position };
  }

  /** One operand with the fields that hang on it. */
  #parseOperand(context: string): Operand {
    const token = this.#next(context);
    const operand = this.#parseTerm(token, context);
    const names: string[] = [];
    const { position } = this.#peek() ?? token;
    for (let next = this.#peek(); next?.kind === 'field' && !next.spaced; next = this.#peek()) {
      names.push(this.#next(context).text.slice(1));
    }
    if (names.length === 0) return operand;
    if (operand.kind === 'field' || operand.kind === 'variable')
      return { ...operand, names: [...operand.names, ...names], position };
    if (operand.kind === 'literal' || operand.kind === 'nil' || operand.kind === 'dot') {
      throw this.#error(`unexpected . after term ${quote(token)}`, token);
    }
    return { kind: 'chain', operand, names, position: token.position };
  }

  #parseTerm(token: Token, context: string): Operand {
    const { position } = token;
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot', position };
      case 'field':
        return { kind: 'field', names: [token.text.slice(1)], position };
      case 'variable':
        this.#checkVariable(token.text, token);
        return { kind: 'variable', name: token.text, names: [], position };
      case 'string':
        return { kind: 'literal', value: token.text, position };
      case 'number':
        return { kind: 'literal', value: this.#parseNumber(token), position };
      case 'identifier':
        return this.#parseWord(token);
      default:
        if (token.text === '(') return this.#parseParenthesis(token);
        throw this.#error(`unexpected ${quote(token)} in ${context}`, token);
    }
  }

  #parseWord(token: Token): Operand {
    const { position, text } = token;
    if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true', position };
    if (text === 'nil') return { kind: 'nil', position };
    if (!this.#functions.has(text)) throw this.#error(`function ${JSON.stringify(text)} not defined`, token);
    return { kind: 'function', name: text, position };
  }

  #parseParenthesis(token: Token): Operand {
    const pipeline = this.#parsePipeline('parenthesized pipeline');
    if (!this.#takeSymbol(')')) throw this.#error('unclosed left paren', token);
    return { kind: 'pipeline', pipeline, position: token.position };
  }

  #parseNumber(token: Token): number {
    const text = token.text.replaceAll('_', '');
    const negative = text.startsWith('-');
    const value = Number(text.replace(/^[+-]/, ''));
    if (Number.isNaN(value)) throw this.#error(`bad number syntax: ${JSON.stringify(token.text)}`, token);
    return negative ? -value : value;
  }

  #checkVariable(name: string, token: Token): void {
    if (!this.#variables.includes(name))
      throw this.#error(`undefined variable ${JSON.stringify(name)}`, token);
  }

  #takeSymbol(text: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'symbol' || token.text !== text) return false;
    this.#index += 1;
    return true;
  }

  #expectClose(context: string): void {
    const token = this.#next(context);
    if (token.kind !== 'close') throw this.#error(`unexpected ${quote(token)} in ${context}`, token);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#index];
  }

  #next(context: string): Token {
    const token = this.#tokens[this.#index];
    if (token === undefined) throw this.#error(`unexpected EOF in ${context}`, undefined);
    this.#index += 1;
    return token;
  }

  #error(message: string, token: Token | undefined) {
    return templateError(this.#source, token?.position ?? this.#source.length, message);
  }
}

function quote(token: Token): string {
  return token.kind === 'field' || token.kind === 'variable' ? `<${token.text}>` : JSON.stringify(token.text);
}
