/** A table of documents by key: what a room needs of the database. `store/database.ts` implements it. */
export interface Collection<T> {
  get(key: string): T | undefined;
  /** Durable when it returns. */
  put(key: string, value: T): void;
  /** True if the document was there. */
  delete(key: string): boolean;
  /** All documents, ordered by key. */
  entries(): Array<[key: string, value: T]>;
}
