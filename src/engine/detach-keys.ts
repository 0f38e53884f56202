/** The key sequence with which a terminal's user leaves a process without ending it. */
import { Transform, type TransformCallback } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';

/** ctrl-p, ctrl-q. */
const usual: readonly number[] = [16, 17];

/**
 * Bytes of a sequence such as `ctrl-p,ctrl-q` or `a,b`: single characters, or `ctrl-` with a letter or one of `@ [ \ ] ^ _`.
 * '' and undefined mean ctrl-p,ctrl-q. EngineError `invalid-argument` otherwise.
 */
export function parseDetachKeys(text: string | undefined): readonly number[] {
  if (text === undefined || text === '') return usual;
  return text.split(',').map((key) => parseKey(key, text));
}

function parseKey(key: string, text: string): number {
  const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key)?.[1];
  /* A control character is its letter's code without the upper three bits. */
  if (control !== undefined) return control.charCodeAt(0) & 0x1f;
  if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
  throw new EngineError('invalid-argument', `Invalid escape keys (${text}): Unknown character: '${key}'`, {
    hint: 'give characters or ctrl-a to ctrl-z, separated by commas',
  });
}

/**
 * Passes input on, but for the detach sequence: then `onDetach` is called, once, and nothing more passes. What began like the sequence
 * and went on otherwise passes whole.
 */
export class DetachFilter extends Transform {
  readonly #keys: readonly number[];
  readonly #onDetach: () => void;
  #matched = 0;
  #detached = false;

  constructor(keys: readonly number[], onDetach: () => void) {
    super();
    this.#keys = keys;
    this.#onDetach = onDetach;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (!this.#detached) this.#filter(chunk);
    done();
  }

  override _flush(done: TransformCallback): void {
    if (!this.#detached) this.push(Buffer.from(this.#keys.slice(0, this.#matched)));
    done();
  }

  #filter(chunk: Buffer): void {
    const passing: number[] = [];
    for (const byte of chunk) {
      this.#take(byte, passing);
      if (this.#matched < this.#keys.length) continue;
      this.#detached = true;
      break;
    }
    if (passing.length > 0) this.push(Buffer.from(passing));
    if (this.#detached) this.#onDetach();
  }

  /** Holds `byte` back where it goes on with the sequence; otherwise passes what was held back, then it. */
  #take(byte: number, passing: number[]): void {
    if (byte !== this.#keys[this.#matched] && this.#matched > 0) {
      passing.push(...this.#keys.slice(0, this.#matched));
      this.#matched = 0;
    }
    if (byte === this.#keys[this.#matched]) this.#matched += 1;
    else passing.push(byte);
  }
}
