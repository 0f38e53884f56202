/** One line of comma-separated values, as `--mount` and `--device` take them. */
import { EngineError } from '../../errors/engine-error.ts';

/** The fields; one in double quotes may hold commas, and a quote written twice. EngineError for a quote out of place. */
export function parseCsvLine(text: string): string[] {
  const fields: string[] = [];
  let position = 0;
  for (;;) {
    const { field, end } = text[position] === '"' ? readQuoted(text, position) : readBare(text, position);
    fields.push(field);
    if (end >= text.length) return fields;
    position = end + 1;
  }
}

function readBare(text: string, begin: number): { field: string; end: number } {
  const comma = text.indexOf(',', begin);
  const end = comma === -1 ? text.length : comma;
  const field = text.slice(begin, end);
  if (field.includes('"')) throw invalid('bare " in non-quoted-field');
  return { field, end };
}

function readQuoted(text: string, begin: number): { field: string; end: number } {
  let field = '';
  for (let position = begin + 1; position < text.length; position += 1) {
    const character = text.charAt(position);
    if (character !== '"') field += character;
    else if (text[position + 1] === '"') {
      field += '"';
      position += 1;
    } else if (position + 1 === text.length || text[position + 1] === ',')
      return { field, end: position + 1 };
    else break;
  }
  throw invalid('extraneous or missing " in quoted-field');
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', `parse error: ${message}`, {
    hint: 'put a whole field into double quotes, or none of it',
  });
}
