/** Executes a parsed Go template on a value. */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { functions as standardFunctions, type TemplateFunction } from './functions.ts';
import {
  type Command,
  describe,
  describeCommand,
  type Operand,
  type Pipeline,
  type Statement,
  type Template,
} from './nodes.ts';
import { printValue } from './print-value.ts';
import { GoNil, GoRow, GoStruct, type GoValue, isTrue, missingField, sortByKey, typeName } from './value.ts';

/**
 * The text that `template` gives for `data`. EngineError `invalid-argument` in the words of Go's text/template:
 * `template: :1:2: executing "" at <.Foo>: …`.
 */
export function executeTemplate(
  template: Template,
  data: GoValue,
  functions: ReadonlyMap<string, TemplateFunction> = standardFunctions,
): string {
  return new Execution(template, data, functions).run();
}

type Jump = 'break' | 'continue' | undefined;

class Execution {
  readonly #template: Template;
  readonly #data: GoValue;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  #variables: Array<{ name: string; value: GoValue }>;
  #output = '';

  constructor(template: Template, data: GoValue, functions: ReadonlyMap<string, TemplateFunction>) {
    this.#template = template;
    this.#data = data;
    this.#functions = functions;
    this.#variables = [{ name: '$', value: data }];
  }

  run(): string {
    this.#runAll(this.#template.body, this.#data);
    return this.#output;
  }

  /** Runs statements in a scope of their own. */
  #runAll(statements: readonly Statement[], dot: GoValue): Jump {
    const known = this.#variables.length;
    try {
      for (const statement of statements) {
        const jump = this.#runOne(statement, dot);
        if (jump !== undefined) return jump;
      }
      return undefined;
    } finally {
      this.#variables.length = known;
    }
  }

  #runOne(statement: Statement, dot: GoValue): Jump {
    switch (statement.kind) {
      case 'text':
        this.#output += statement.text;
        return undefined;
      case 'print': {
        const value = this.#evaluatePipeline(statement.pipeline, dot);
        if (statement.pipeline.variables.length === 0) this.#output += printValue(value);
        return undefined;
      }
      case 'if':
      case 'with':
        return this.#runConditional(statement, dot);
      case 'range':
        return this.#runRange(statement, dot);
      case 'break':
      case 'continue':
        return statement.kind;
    }
  }

  #runConditional(statement: Extract<Statement, { kind: 'if' | 'with' | 'range' }>, dot: GoValue): Jump {
    const known = this.#variables.length;
    const value = this.#evaluatePipeline(statement.pipeline, dot);
    const inner = statement.kind === 'with' ? value : dot;
    const jump = isTrue(value) ? this.#runAll(statement.body, inner) : this.#runAll(statement.otherwise, dot);
    this.#variables.length = known;
    return jump;
  }

  #runRange(statement: Extract<Statement, { kind: 'if' | 'with' | 'range' }>, dot: GoValue): Jump {
    const known = this.#variables.length;
    const value = this.#evaluatePipeline({ ...statement.pipeline, variables: [] }, dot);
    const items = this.#itemsOf(value, statement);
    const { variables } = statement.pipeline;
    for (const [key, item] of items) {
      const [first, second] = variables;
      if (first !== undefined)
        this.#variables.push({ name: first, value: second === undefined ? item : key });
      if (second !== undefined) this.#variables.push({ name: second, value: item });
      const jump = this.#runAll(statement.body, item);
      this.#variables.length = known;
      if (jump === 'break') break;
    }
    return items.length === 0 ? this.#runAll(statement.otherwise, dot) : undefined;
  }

  #itemsOf(value: GoValue, statement: Statement): Array<[key: GoValue, item: GoValue]> {
    if (value === undefined || value instanceof GoNil) return [];
    if (Array.isArray(value)) return value.map((item: GoValue, index): [GoValue, GoValue] => [index, item]);
    if (value instanceof Map) return sortByKey([...value]);
    if (typeof value === 'number' && Number.isInteger(value) && value < 1e6) {
      return Array.from({ length: Math.max(0, value) }, (_, index): [GoValue, GoValue] => [index, index]);
    }
    throw this.#failure(statement.position, '', `range can't iterate over ${printValue(value)}`);
  }

  #evaluatePipeline(pipeline: Pipeline, dot: GoValue): GoValue {
    const last = pipeline.commands.reduce<{ value: GoValue } | undefined>(
      (previous, command) => ({ value: this.#evaluateCommand(command, dot, previous) }),
      undefined,
    );
    const name = pipeline.variables[0];
    if (name !== undefined) this.#setVariable(name, last?.value, pipeline.assigns);
    return last?.value;
  }

  #setVariable(name: string, value: GoValue, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known === undefined) this.#variables.push({ name, value });
    else known.value = value;
  }

  #evaluateCommand(command: Command, dot: GoValue, previous: { value: GoValue } | undefined): GoValue {
    const [head, ...rest] = command.operands;
    if (head === undefined) return undefined;
    const piped = previous === undefined ? [] : [previous.value];
    if (head.kind === 'function') return this.#callFunction(command, head.name, rest, dot, piped);
    if (head.kind === 'nil') throw this.#failure(command.position, 'nil', 'nil is not a command');
    if (rest.length === 0 && piped.length === 0) return this.#evaluateOperand(head, dot, []);
    if (head.kind !== 'field' && head.kind !== 'variable' && head.kind !== 'chain') {
      throw this.#failure(
        command.position,
        describe(head),
        `can't give argument to non-function ${describe(head)}`,
      );
    }
    const parameters = [...rest.map((operand) => this.#evaluateOperand(operand, dot, [])), ...piped];
    return this.#evaluateOperand(head, dot, parameters);
  }

  #callFunction(
    command: Command,
    name: string,
    operands: Operand[],
    dot: GoValue,
    piped: GoValue[],
  ): GoValue {
    const found = this.#functions.get(name);
    if (found === undefined)
      throw this.#failure(command.position, name, `${JSON.stringify(name)} is not a defined function`);
    const count = operands.length + piped.length;
    const [fewest, most] = found.arity;
    if (count < fewest || count > most) {
      const want =
        most === Number.POSITIVE_INFINITY ? `at least ${fewest}` : String(count < fewest ? fewest : most);
      throw this.#failure(
        command.position,
        name,
        `wrong number of args for ${name}: want ${want} got ${count}`,
      );
    }
    const parameters: GoValue[] = [];
    for (const operand of operands) {
      const value = this.#evaluateOperand(operand, dot, []);
      if ((name === 'and' && !isTrue(value)) || (name === 'or' && isTrue(value))) return value;
      parameters.push(value);
    }
    const source = describeCommand(command);
    return this.#guard(
      command.position,
      source,
      () => found.call([...parameters, ...piped]),
      `error calling ${name}: `,
    );
  }

  #evaluateOperand(operand: Operand, dot: GoValue, parameters: GoValue[]): GoValue {
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return undefined;
      case 'literal':
        return operand.value;
      case 'field':
        return this.#follow(operand, dot, operand.names, parameters);
      case 'variable': {
        const value = this.#variables.findLast((variable) => variable.name === operand.name)?.value;
        return this.#follow(operand, value, operand.names, parameters);
      }
      case 'chain':
        return this.#follow(
          operand,
          this.#evaluateOperand(operand.operand, dot, []),
          operand.names,
          parameters,
        );
      case 'function':
        return this.#callFunction(
          { operands: [operand], position: operand.position },
          operand.name,
          [],
          dot,
          [],
        );
      case 'pipeline': {
        const known = this.#variables.length;
        const value = this.#evaluatePipeline(operand.pipeline, dot);
        this.#variables.length = known;
        return value;
      }
    }
  }

  /** `value.a.b.c`; the arguments go to the last one. */
  #follow(operand: Operand, value: GoValue, names: readonly string[], parameters: GoValue[]): GoValue {
    return names.reduce<GoValue>((current, name, index) => {
      const given = index === names.length - 1 ? parameters : [];
      return this.#guard(operand.position, describe(operand), () => fieldOf(current, name, given), '');
    }, value);
  }

  #guard(position: number, source: string, action: () => GoValue, prefix: string): GoValue {
    try {
      return action();
    } catch (error) {
      if (!isEngineError(error)) throw error;
      throw this.#failure(position, source, prefix + error.message, error.hint);
    }
  }

  #failure(position: number, source: string, message: string, hint?: string): EngineError {
    const before = this.#template.source.slice(0, position).split('\n');
    const column = Buffer.byteLength(before.at(-1) ?? '');
    const place = `template: :${before.length}:${column}: executing "" at <${source}>`;
    return new EngineError('invalid-argument', `${place}: ${message}`, hint === undefined ? {} : { hint });
  }
}

/** One field, method or key of a value. EngineError `invalid-argument` if it has none of this name. */
function fieldOf(value: GoValue, name: string, parameters: GoValue[]): GoValue {
  if (value instanceof GoRow) return callMethod(value, name, parameters);
  if (parameters.length > 0)
    throw new EngineError('invalid-argument', `${name} is not a method but has arguments`);
  if (value instanceof GoStruct) {
    const field = value.fields.has(name) ? value.fields.get(name) : missingField(name);
    if (field === undefined)
      throw new EngineError('invalid-argument', `map has no entry for key ${JSON.stringify(name)}`);
    return field;
  }
  if (value instanceof Map) return value.get(name);
  if (value === undefined) return undefined;
  if (value instanceof GoNil) {
    if (value.kind === 'map') return undefined;
    throw new EngineError('invalid-argument', `nil pointer evaluating .${name}`);
  }
  throw new EngineError('invalid-argument', `can't evaluate field ${name} in type ${typeName(value)}`);
}

function callMethod(row: GoRow, name: string, parameters: GoValue[]): GoValue {
  const method = Object.hasOwn(row.methods, name) ? row.methods[name] : undefined;
  if (method === undefined) {
    throw new EngineError('invalid-argument', `can't evaluate field ${name} in type ${row.name}`, {
      hint: `Its fields are: ${Object.keys(row.methods).join(', ')}.`,
    });
  }
  if (method.length !== parameters.length) {
    throw new EngineError(
      'invalid-argument',
      `wrong number of args for ${name}: want ${method.length} got ${parameters.length}`,
    );
  }
  return method(...parameters);
}
