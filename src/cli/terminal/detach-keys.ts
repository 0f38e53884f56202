/** Finds the keys that detach (`ctrl-p,ctrl-q`) in what is typed. */
import { EngineError } from '../../errors/engine-error.ts';

export const defaultDetachKeys = 'ctrl-p,ctrl-q';

/** Bytes of `ctrl-p,ctrl-q`, `ctrl-\\`, `a,b`. EngineError `invalid-argument` for an unknown key. */
export function parseDetachKeys(text: string): number[] {
  return text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const letter = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (letter === undefined) {
      throw new EngineError(
        'invalid-argument',
        `invalid detach keys (${text}): Unknown character: '${key}'`,
        {
          hint: 'Write letters and ctrl-LETTER with commas between them, as in ctrl-p,ctrl-q.',
        },
      );
    }
    return letter.toUpperCase().charCodeAt(0) & 0x1f;
  });
}

/** Lets bytes through, except a sequence of keys; bytes that may begin it wait for the next. */
export class DetachKeyFilter {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be sent of `chunk`, and whether the sequence is complete; what follows it is dropped. */
  push(chunk: Uint8Array): { data: Uint8Array; detached: boolean } {
    const data: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { data: Uint8Array.from(data), detached: true };
        continue;
      }
      data.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) data.push(byte);
    }
    return { data: Uint8Array.from(data), detached: false };
  }
}
