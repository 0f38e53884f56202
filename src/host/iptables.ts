/** The one caller of iptables and ip6tables: reads all rules, and changes some in one transaction per table. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { Launcher } from './launcher-types.ts';

/** `''` for what `iptables` stands for on this host (update-alternatives), else one of the two by its own name. */
export type IptablesVariant = '' | 'legacy' | 'nft';
export type IptablesFamily = '4' | '6';

/** One table as `iptables-save` prints it. */
export interface SavedTable {
  /** Policies of the kernel's own chains, `-` for chains of users. */
  policies: ReadonlyMap<string, string>;
  /** `-A FORWARD -i eth0 -j ACCEPT`. */
  rules: readonly string[];
}

/** Seconds that a change waits for those of other programs. */
const patience = '10';

export class Iptables {
  readonly #launcher: Pick<Launcher, 'run'>;
  readonly #variant: IptablesVariant;

  constructor(launcher: Pick<Launcher, 'run'>, variant: IptablesVariant) {
    this.#launcher = launcher;
    this.#variant = variant;
  }

  /** All tables that there are, by name. EngineError `internal`, or `failed-precondition` where the program is not installed. */
  async save(family: IptablesFamily): Promise<Map<string, SavedTable>> {
    const argv = [this.#program(family, 'save')];
    const result = await this.#launcher.run({ argv, maxOutput: 64 * 1024 * 1024 });
    if (result.exitCode !== 0) throw refused(argv, result.stderr.toString());
    return parseSave(result.stdout.toString());
  }

  /** Applies a script in the form of `iptables-save`; what it does not name stays. Each table is all or nothing. */
  async restore(family: IptablesFamily, script: string): Promise<void> {
    const argv = [this.#program(family, 'restore'), '--noflush', '-w', patience];
    const result = await this.#launcher.run({ argv, stdin: script });
    if (result.exitCode !== 0) throw refused(argv, result.stderr.toString());
  }

  /** Are rules of this family possible here? */
  async works(family: IptablesFamily): Promise<boolean> {
    try {
      // Lists a chain of the kernel's own: the table is made where it is not there yet, as with any rule.
      const argv = [this.#program(family), '-w', patience, '-t', 'nat', '-S', 'POSTROUTING'];
      return (await this.#launcher.run({ argv })).exitCode === 0;
    } catch (error) {
      if (isEngineError(error)) return false;
      throw error;
    }
  }

  /** Are the rules kept by nf_tables (else by the older ip_tables)? */
  async isNft(): Promise<boolean> {
    const result = await this.#launcher.run({ argv: [this.#program('4'), '--version'] });
    return result.stdout.toString().includes('nf_tables');
  }

  #program(family: IptablesFamily, action?: 'save' | 'restore'): string {
    const words = [family === '4' ? 'iptables' : 'ip6tables', this.#variant, action ?? ''];
    return words.filter((word) => word !== '').join('-');
  }
}

function refused(argv: readonly string[], stderr: string): EngineError {
  const reason = stderr.trim().split('\n').slice(0, 3).join('; ').slice(0, 500);
  return new EngineError('internal', `${argv[0]} refused a change of the firewall: ${reason}`, {
    hint: 'check that the kernel has NAT and connection tracking for iptables (iptables-save shows what is there)',
  });
}

/** Reads what `iptables-save` prints. */
export function parseSave(text: string): Map<string, SavedTable> {
  const tables = new Map<string, { policies: Map<string, string>; rules: string[] }>();
  let table = { policies: new Map<string, string>(), rules: [] as string[] };
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = { policies: new Map(), rules: [] };
      tables.set(line.slice(1), table);
    } else if (line.startsWith(':')) {
      const [chain = '', policy = ''] = line.slice(1).split(' ');
      table.policies.set(chain, policy);
    } else if (line.startsWith('-A ')) table.rules.push(line);
  }
  return tables;
}
