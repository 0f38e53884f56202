/** Who may do what with which repository, by `gantry.access`. */
import type { AccessRule } from '../config/registry-config.ts';
import { compileGlob } from '../policy/glob.ts';
import type { AccessRequest, Principal, RegistryAction } from '../registry-types.ts';

interface CompiledRule extends Omit<AccessRule, 'repositories'> {
  repositories: readonly RegExp[];
}

/** Rules add up: what one of them allows is allowed. */
export class AccessRules {
  readonly #rules: readonly CompiledRule[];
  readonly #catalogUsers: ReadonlySet<string>;

  /** EngineError `invalid-argument` for a malformed pattern. */
  constructor(rules: readonly AccessRule[], catalogUsers: readonly string[]) {
    this.#rules = rules.map((rule) => ({ ...rule, repositories: rule.repositories.map(compileGlob) }));
    this.#catalogUsers = new Set(catalogUsers);
  }

  /** Is there anything for those who give no name? */
  get servesAnonymous(): boolean {
    return this.#rules.some((rule) => rule.anonymous);
  }

  allows(principal: Principal, request: AccessRequest): boolean {
    if (request.type === 'registry') return this.#mayList(principal);
    return request.actions.every((action) => this.#allowsAction(principal, request.name, action));
  }

  #allowsAction({ name }: Principal, repository: string, action: RegistryAction): boolean {
    return this.#rules.some(
      (rule) =>
        isMeant(rule, name) &&
        includes(rule.actions, action) &&
        rule.repositories.some((pattern) => pattern.test(repository)),
    );
  }

  /** Everyone, unless the configuration names some: the list holds only what one may pull. */
  #mayList({ name }: Principal): boolean {
    if (name === '') return this.#catalogUsers.size === 0 && this.servesAnonymous;
    return this.#catalogUsers.size === 0 || this.#catalogUsers.has('*') || this.#catalogUsers.has(name);
  }
}

/** What anonymous users may do, everyone may. */
function isMeant({ anonymous, users }: CompiledRule, name: string): boolean {
  if (anonymous || name === '') return anonymous;
  return users.includes('*') || users.includes(name);
}

/** Who may push may pull, too: clients ask for both at once. */
function includes(allowed: readonly RegistryAction[], action: RegistryAction): boolean {
  if (allowed.includes('*') || allowed.includes(action)) return true;
  return action === 'pull' && allowed.includes('push');
}
