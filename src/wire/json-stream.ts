/** JSON documents one after another, as pull, events and stats send them: an encoder and an incremental decoder. */
import { EngineError } from '../errors/engine-error.ts';

/** Longest document that the decoder takes, characters. */
const maxDocument = 16 * 1024 * 1024;

/** One document as Docker writes it: a line that ends in CR LF. */
export function encodeJsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\r\n`;
}

/**
 * Cuts a stream of text into JSON documents, which may be separated by any white space or none.
 * `push` gives the documents that became whole; EngineError `data-loss` for text that is no JSON.
 */
export class JsonStreamDecoder {
  readonly #utf8 = new TextDecoder();
  #pending = '';
  #scanned = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  push(chunk: Uint8Array | string): unknown[] {
    this.#pending += typeof chunk === 'string' ? chunk : this.#utf8.decode(chunk, { stream: true });
    const documents: unknown[] = [];
    let start = 0;
    for (let index = this.#scanned; index < this.#pending.length; index += 1) {
      if (!this.#closesDocument(this.#pending.charCodeAt(index))) continue;
      documents.push(parse(this.#pending.slice(start, index + 1)));
      start = index + 1;
    }
    this.#pending = this.#pending.slice(start);
    if (this.#depth === 0) this.#pending = this.#pending.trimStart();
    this.#scanned = this.#pending.length;
    if (this.#depth === 0 && this.#pending !== '') throw malformed(this.#pending);
    if (this.#pending.length > maxDocument) throw malformed(this.#pending);
    return documents;
  }

  /** Says that the stream has ended. EngineError `data-loss` if it did so within a document. */
  end(): void {
    if (this.#pending !== '') throw malformed(this.#pending);
  }

  /** Feeds one character to the little machine; true if it closes the outermost object or array. */
  #closesDocument(code: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (code === 0x5c) this.#escaped = true;
      else if (code === 0x22) this.#inString = false;
      return false;
    }
    if (code === 0x22) this.#inString = true;
    else if (code === 0x7b || code === 0x5b) this.#depth += 1;
    else if (code === 0x7d || code === 0x5d) {
      this.#depth -= 1;
      return this.#depth === 0;
    }
    return false;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(text, error);
  }
}

function malformed(text: string, cause?: unknown): EngineError {
  return new EngineError('data-loss', `malformed JSON in stream: ${text.trim().slice(0, 80)}`, { cause });
}
