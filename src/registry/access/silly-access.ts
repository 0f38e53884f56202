/** Distribution's `silly` authentication, for trying out clients: any `Authorization` header will do. */
import type { AccessController, AccessRequest, Principal } from '../registry-types.ts';
import { bearerChallenge, unauthorized } from './authorization.ts';

export class SillyAccess implements AccessController {
  readonly #realm: string;
  readonly #service: string;

  constructor({ realm, service }: { realm: string; service: string }) {
    this.#realm = realm;
    this.#service = service;
  }

  async authorize(authorization: string | undefined, accesses: readonly AccessRequest[]): Promise<Principal> {
    if (authorization !== undefined && authorization !== '') return { name: 'silly' };
    throw unauthorized(bearerChallenge({ realm: this.#realm, service: this.#service, accesses }));
  }

  async mayPull(): Promise<boolean> {
    return true;
  }
}
