/** `POST /auth`: are these credentials good? The client keeps them; the daemon stores nothing. */
import type { AuthResponse } from '../wire/system.ts';
import { type Call, requiredJsonBody } from './call.ts';
import { decodeAuth } from './registry-auth.ts';

export async function postAuth(call: Call): Promise<AuthResponse> {
  const fields = await requiredJsonBody(call);
  const server = fields.string('serveraddress');
  const login = await call.engine.images.login(server, decodeAuth(fields), call.signal);
  return { Status: login.status, IdentityToken: login.identityToken };
}
