/** Access without names: everyone may do everything, or what rules for anonymous users say. */
import type { AccessController, AccessRequest, Principal } from '../registry-types.ts';
import type { AccessRules } from './access-rules.ts';
import { denied } from './authorization.ts';

const nobody: Principal = { name: '' };

export class OpenAccess implements AccessController {
  readonly #rules: AccessRules | undefined;

  constructor(rules: AccessRules | undefined) {
    this.#rules = rules;
  }

  async authorize(_: string | undefined, accesses: readonly AccessRequest[]): Promise<Principal> {
    const refused = accesses.find(
      (one) => one.type === 'repository' && this.#rules?.allows(nobody, one) === false,
    );
    if (refused !== undefined) throw denied('nobody in particular', refused);
    return nobody;
  }

  async mayPull(_: Principal, repository: string): Promise<boolean> {
    return this.#rules?.allows(nobody, { type: 'repository', name: repository, actions: ['pull'] }) ?? true;
  }
}
