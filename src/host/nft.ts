/** The one caller of nft: applies scripts as transactions, several waiting ones in one process. */
import { EngineError, messageOf } from '../errors/engine-error.ts';
import type { Launcher } from './launcher-types.ts';

interface Waiting {
  script: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** An identifier that can stand in a script without quotes (nft(8), "lexical conventions"). */
const identifier = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/**
 * Applies nft scripts in the order in which they were given. Each is one kernel transaction: all of it or nothing. Scripts
 * that arrive while nft runs are joined, so many containers that start at once cost few processes.
 */
export class Nft {
  readonly #launcher: Pick<Launcher, 'run'>;
  readonly #queue: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(launcher: Pick<Launcher, 'run'>) {
    this.#launcher = launcher;
  }

  /** Resolves when the script's changes are in the kernel. EngineError `internal` with nft's own words where it was refused. */
  apply(script: string): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#queue.push({ script, resolve, reject }));
    this.#running ??= this.#drain();
    return done;
  }

  /** Would nft and the kernel take this script? Nothing is changed. Resolves to what is in the way, undefined where nothing is. */
  async check(script: string): Promise<string | undefined> {
    try {
      const result = await this.#launcher.run({ argv: ['nft', '-c', '-f', '-'], stdin: script });
      return result.exitCode === 0 ? undefined : firstLines(result.stderr.toString());
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Base chains of others that drop what they don't know at the forward hook (`ip filter FORWARD`), and at that for packets to the host itself. */
  async droppingChains(): Promise<{ forward: string[]; input: string[] }> {
    const result = await this.#launcher.run({ argv: ['nft', '-j', 'list', 'chains'] });
    if (result.exitCode !== 0) return { forward: [], input: [] };
    const json = result.stdout.toString();
    return { forward: droppingChains(json, 'forward'), input: droppingChains(json, 'input') };
  }

  /** Names of the chains and sets in tables of this name, of all families; undefined where nft did not say. */
  async namesIn(table: string): Promise<Array<{ family: string; kind: string; name: string }> | undefined> {
    const [chains, sets] = [await this.#list('chains'), await this.#list('sets')];
    if (chains === undefined || sets === undefined) return undefined;
    return [...namesOf(chains, 'chain', table), ...namesOf(sets, 'set', table)];
  }

  async #list(what: 'chains' | 'sets'): Promise<string | undefined> {
    const result = await this.#launcher.run({ argv: ['nft', '-j', '-t', 'list', what] });
    return result.exitCode === 0 ? result.stdout.toString() : undefined;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) await this.#applyTogether(this.#queue.splice(0));
    this.#running = undefined;
  }

  async #applyTogether(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#run(batch.map((waiting) => waiting.script).join('\n'));
      for (const waiting of batch) waiting.resolve();
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      // One of them is at fault: alone, each gets its own answer.
      else for (const waiting of batch) await this.#applyTogether([waiting]);
    }
  }

  async #run(script: string): Promise<void> {
    const result = await this.#launcher.run({ argv: ['nft', '-f', '-'], stdin: script });
    if (result.exitCode === 0) return;
    const reason = result.timedOut ? 'it took too long' : firstLines(result.stderr.toString());
    throw new EngineError('internal', `nft refused a change of the firewall: ${reason}`, {
      hint: 'check that the kernel has nf_tables with NAT (nft list ruleset shows what is there)',
    });
  }
}

function firstLines(text: string): string {
  return text.trim().split('\n').slice(0, 3).join('; ').slice(0, 500);
}

/** `name` itself, if it can stand in a script as it is. EngineError `invalid-argument` else. */
export function requireIdentifier(name: string): string {
  if (identifier.test(name)) return name;
  throw new EngineError('invalid-argument', `${JSON.stringify(name)} can't be the name of an nftables table`);
}

function namesOf(
  json: string,
  kind: string,
  table: string,
): Array<{ family: string; kind: string; name: string }> {
  const items = field(JSON.parse(json), 'nftables');
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) => {
    const found = field(item, kind);
    if (field(found, 'table') !== table) return [];
    return [{ kind, family: String(field(found, 'family')), name: String(field(found, 'name')) }];
  });
}

interface ListedChain {
  family: string;
  table: string;
  name: string;
  hook: string;
  policy: string;
}

/** Reads the answer of `nft -j list chains` (libnftables-json(5)). */
export function droppingChains(json: string, hook: 'forward' | 'input'): string[] {
  return listedChains(json)
    .filter((chain) => chain.hook === hook && chain.policy === 'drop' && chain.family !== 'bridge')
    .map((chain) => `${chain.family} ${chain.table} ${chain.name}`);
}

function listedChains(json: string): ListedChain[] {
  const document: unknown = JSON.parse(json);
  const items: unknown = field(document, 'nftables');
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) => {
    const chain = field(item, 'chain');
    if (chain === undefined) return [];
    const text = (key: string): string => String(field(chain, key) ?? '');
    return [
      {
        family: text('family'),
        table: text('table'),
        name: text('name'),
        hook: text('hook'),
        policy: text('policy'),
      },
    ];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
