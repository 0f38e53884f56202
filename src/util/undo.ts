/** What to undo, last thing first, where a sequence of steps fails. */

export class Undo {
  readonly #actions: Array<() => Promise<unknown> | unknown> = [];

  add(action: () => Promise<unknown> | unknown): void {
    this.#actions.push(action);
  }

  /** Forgets everything: the steps have succeeded. */
  clear(): void {
    this.#actions.length = 0;
  }

  /** Undoes all, in reverse order; goes on past what fails, and hands that to `onError`. */
  async run(onError: (error: unknown) => void): Promise<void> {
    for (const action of this.#actions.splice(0).reverse()) {
      try {
        await action();
      } catch (error) {
        onError(error);
      }
    }
  }
}
