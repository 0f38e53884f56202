/** The one embedded database: metadata of every room, as JSON documents in SQLite tables, durable at each commit. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';

/** Turns what the disk holds into a document, or throws EngineError `data-loss`. */
export type Parse<T> = (value: unknown) => T;

const collectionName = /^[a-z][a-z0-9_]*$/;

export class Database {
  readonly #sqlite: DatabaseSync;
  #depth = 0;

  private constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite;
  }

  /** Opens (or makes) the database at `path`. WAL with synchronous=FULL: a commit survives a power cut (sqlite.org/wal.html). */
  static open(path: string): Database {
    try {
      const sqlite = new DatabaseSync(path, { timeout: 5000 });
      sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      return new Database(sqlite);
    } catch (error) {
      throw new EngineError('data-loss', `cannot open the database ${path}: ${messageOf(error)}`, {
        cause: error,
        hint: 'check that the data root is writable and no second daemon uses it',
      });
    }
  }

  /** The collection `name` (lower snake case), made where it is missing. */
  collection<T>(name: string, parse: Parse<T>): Collection<T> {
    if (!collectionName.test(name)) throw new EngineError('internal', `bad collection name ${name}`);
    this.#sqlite.exec(
      `CREATE TABLE IF NOT EXISTS ${name} (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
    );
    return new SqliteCollection(this.#sqlite, name, parse);
  }

  /**
   * Runs `work` in one transaction; nested calls join the outer one. Everything is rolled back if it throws. One that is not `durable` survives
   * the end of the process at once, and a power cut from the next durable one on.
   */
  transaction<R>(work: () => R, durable = true): R {
    if (this.#depth > 0) return work();
    // Within a transaction the setting would be ignored.
    if (!durable) this.#sqlite.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.#transact(work);
    } finally {
      if (!durable) this.#sqlite.exec('PRAGMA synchronous = FULL');
    }
  }

  #transact<R>(work: () => R): R {
    this.#sqlite.exec('BEGIN IMMEDIATE');
    this.#depth += 1;
    try {
      const result = work();
      this.#sqlite.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite rolls back by itself where the disk is full.
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  close(): void {
    this.#sqlite.close();
  }
}

class SqliteCollection<T> implements Collection<T> {
  readonly #parse: Parse<T>;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;

  constructor(sqlite: DatabaseSync, name: string, parse: Parse<T>) {
    this.#parse = parse;
    this.#get = sqlite.prepare(`SELECT value FROM ${name} WHERE key = ?`);
    this.#put = sqlite.prepare(
      `INSERT INTO ${name} (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    );
    this.#delete = sqlite.prepare(`DELETE FROM ${name} WHERE key = ?`);
    this.#all = sqlite.prepare(`SELECT key, value FROM ${name} ORDER BY key`);
  }

  get(key: string): T | undefined {
    const row = this.#get.get(key);
    return row === undefined ? undefined : this.#decode(row['value']);
  }

  put(key: string, value: T): void {
    this.#put.run(key, JSON.stringify(value));
  }

  delete(key: string): boolean {
    return this.#delete.run(key).changes > 0;
  }

  entries(): Array<[string, T]> {
    return this.#all.all().map((row) => [String(row['key']), this.#decode(row['value'])]);
  }

  #decode(text: unknown): T {
    return this.#parse(JSON.parse(String(text)));
  }
}
