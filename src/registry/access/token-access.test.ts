import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exportJWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { makeAuthority, makeCertificate } from '../../../test/support/certificates.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { TokenConfig } from '../config/registry-config.ts';
import type { AccessRequest } from '../registry-types.ts';
import { TokenAccess } from './token-access.ts';
import { dockerKeyId, thumbprint } from './token-keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-token-'));
after(() => rmSync(directory, { recursive: true }));

const config: TokenConfig = {
  kind: 'token',
  realm: 'https://auth.example/token',
  service: 'registry.example',
  issuer: 'auth.example',
  algorithms: [],
};
const authority = makeAuthority(directory, 'root');
const leaf = makeCertificate(directory, 'leaf', authority);
const stranger = makeAuthority(directory, 'stranger');

function keyOf(path: string): KeyObject {
  return createPrivateKey(readFileSync(path));
}

function inHeader(path: string): string {
  return new X509Certificate(readFileSync(path)).raw.toString('base64');
}

interface TokenFacts {
  key?: KeyObject;
  algorithm?: string;
  header?: Partial<JWTHeaderParameters>;
  issuer?: string;
  audience?: string | string[];
  expires?: string;
  access?: unknown;
  notBefore?: string;
}

async function token(facts: TokenFacts = {}): Promise<string> {
  const signer = new SignJWT({
    access: facts.access ?? [{ type: 'repository', name: 'team/app', actions: ['pull'] }],
  })
    .setProtectedHeader({ alg: facts.algorithm ?? 'RS256', typ: 'JWT', ...facts.header })
    .setIssuer(facts.issuer ?? config.issuer)
    .setAudience(facts.audience ?? config.service)
    .setSubject('ann')
    .setNotBefore(facts.notBefore ?? '-10s')
    .setExpirationTime(facts.expires ?? '5m');
  return `Bearer ${await signer.sign(facts.key ?? keyOf(authority.key))}`;
}

const pull: AccessRequest[] = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
const push: AccessRequest[] = [{ type: 'repository', name: 'team/app', actions: ['push', 'pull'] }];
const access = new TokenAccess({ ...config, rootCertBundle: authority.certificate });

async function refused(header: string | undefined, wanted = pull, from = access): Promise<EngineError> {
  try {
    await from.authorize(header, wanted, 'https://asked.example');
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, 'unauthorized');
    return error;
  }
  assert.fail('it was let through');
}

test('a token of the certificate lets through what it grants', async () => {
  const principal = await access.authorize(await token(), pull);
  assert.equal(principal.name, 'ann');
  assert.equal(await access.mayPull(principal, 'team/app'), true);
  assert.equal(await access.mayPull(principal, 'team/other'), false);
  assert.equal((await access.authorize(await token({ access: [] }), [])).name, 'ann');
  assert.equal((await access.authorize(await token({ audience: ['x', config.service] }), pull)).name, 'ann');
});

test('the challenge says where to ask, and for what', async () => {
  const { details } = await refused(undefined, push);
  assert.equal(
    details['challenge'],
    'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:team/app:pull,push"',
  );
  const insufficient = await refused(await token(), push);
  assert.match(String(insufficient.details['challenge']), /,error="insufficient_scope"$/);
  const redirecting = new TokenAccess({
    ...config,
    rootCertBundle: authority.certificate,
    autoRedirectPath: '/auth/token',
  });
  const { details: own } = await refused(undefined, [], redirecting);
  assert.equal(
    own['challenge'],
    'Bearer realm="https://asked.example/auth/token",service="registry.example"',
  );
});

test('the signing key is found by a chain of certificates, by its identifiers, and without any hint', async () => {
  const publicKey = new X509Certificate(readFileSync(authority.certificate)).publicKey;
  const hints: TokenFacts[] = [
    {},
    { header: { kid: dockerKeyId(publicKey) } },
    { header: { kid: thumbprint(publicKey) } },
    { header: { x5c: [inHeader(authority.certificate)] } },
    { key: keyOf(leaf.key), header: { x5c: [inHeader(leaf.certificate)] } },
    { key: keyOf(leaf.key), header: { x5c: [inHeader(leaf.certificate), inHeader(authority.certificate)] } },
    { header: { jwk: await exportJWK(publicKey) } },
  ];
  for (const hint of hints) assert.equal((await access.authorize(await token(hint), pull)).name, 'ann');
});

test('whatever is wrong with a token, it is invalid', async () => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrong: Record<string, string> = {
    issuer: await token({ issuer: 'other' }),
    audience: await token({ audience: 'other' }),
    expired: await token({ expires: '-2m' }),
    early: await token({ notBefore: '5m' }),
    key: await token({ key: other.privateKey }),
    'unknown kid': await token({ header: { kid: 'AAAA:BBBB' } }),
    'embedded key': await token({ key: other.privateKey, header: { jwk: await exportJWK(other.publicKey) } }),
    'foreign chain': await token({
      key: keyOf(stranger.key),
      header: { x5c: [inHeader(stranger.certificate)] },
    }),
    'broken chain': await token({ header: { x5c: ['AAAA'] } }),
    'no token': 'Bearer abc',
    none: `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`,
  };
  for (const [what, header] of Object.entries(wrong)) {
    const { details } = await refused(header);
    assert.match(String(details['challenge']), /,error="invalid_token"$/, what);
  }
});

test('keys of a JSON Web Key Set, read again when told', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const path = join(directory, 'jwks.json');
  writeFileSync(path, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'first' }] }));
  const keys = new TokenAccess({ ...config, jwks: path });
  const first = await token({ key: privateKey, algorithm: 'ES256', header: { kid: 'first' } });
  assert.equal((await keys.authorize(first, pull)).name, 'ann');
  const next = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(path, JSON.stringify({ keys: [{ ...(await exportJWK(next.publicKey)), kid: 'second' }] }));
  keys.reload();
  await refused(first, pull, keys);
  const second = await token({ key: next.privateKey, algorithm: 'ES256', header: { kid: 'second' } });
  assert.equal((await keys.authorize(second, pull)).name, 'ann');
  writeFileSync(path, '{}');
  assert.throws(() => keys.reload(), EngineError);
  assert.equal((await keys.authorize(second, pull)).name, 'ann');
});

test('only the algorithms that the configuration names', async () => {
  const strict = new TokenAccess({ ...config, rootCertBundle: authority.certificate, algorithms: ['RS512'] });
  await refused(await token(), pull, strict);
  assert.equal((await strict.authorize(await token({ algorithm: 'RS512' }), pull)).name, 'ann');
});
