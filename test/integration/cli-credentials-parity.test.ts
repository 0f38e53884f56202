/** gantry's logins beside those of the stock docker CLI: the same words, the same requests, the same config.json, the same calls of helpers. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CredentialHelper, writeCredentialHelper } from '../support/credential-helper.ts';
import { dockerCli, runProgram } from '../support/daemon.ts';

const docker = dockerCli ?? '';
const skip = dockerCli === undefined ? 'this host has no docker CLI' : false;
const root = mkdtempSync(join(tmpdir(), 'gantry-logins-'));
const host = `unix://${root}/s.sock`;
const configFolder = join(root, 'config');
const requests: string[] = [];
let server: Server;
let helper: CredentialHelper;

/** Headers by which registries are told who asks, and bodies. */
function note(request: IncomingMessage, body: string): void {
  const url = new URL(request.url?.replace(/^\/v[\d.]+/, '') ?? '', 'http://x');
  if (url.pathname === '/_ping' || url.pathname === '/info') return;
  url.searchParams.sort();
  const header = request.headers['x-registry-auth'];
  const auth = typeof header === 'string' ? Buffer.from(header, 'base64url').toString() : '';
  // A client without credentials may say so, or nothing.
  requests.push(
    `${request.method} ${url.pathname}${url.search} ${url.pathname === '/auth' ? body.trim() : ''} ${auth === '{}' ? '' : auth}`,
  );
}

function answer(path: string, body: string): [status: number, text: string] {
  if (path.endsWith('/_ping')) return [200, 'OK'];
  if (path.endsWith('/info')) return [200, '{"IndexServerAddress":"https://index.docker.io/v1/"}'];
  if (path.endsWith('/auth')) {
    const { password } = JSON.parse(body);
    if (password === 'bad') return [401, '{"message":"Get \\"http://x/v2/\\": unauthorized: no"}'];
    const token = password === 'for-token' ? ',"IdentityToken":"IDT"' : '';
    return [200, `{"Status":"Login Succeeded"${token}}`];
  }
  if (path.includes('/images/create')) return [200, '{"status":"Pulling from x","id":"1"}\r\n'];
  if (path.includes('/push')) return [200, '{"status":"Pushed"}\r\n'];
  if (path.includes('/search')) return [200, '[]'];
  return [404, '{"message":"No such image: x"}'];
}

before(async () => {
  helper = writeCredentialHelper(join(root, 'bin'), 'fake');
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      note(request, body);
      const [status, text] = answer(request.url ?? '', body);
      response.setHeader('Api-Version', '1.51').setHeader('OSType', 'linux');
      response.setHeader('Content-Type', 'application/json').writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(join(root, 's.sock'), resolve));
});
after(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

interface Seen {
  /** Exit code, stdout and the first lines of stderr of each command. */
  said: unknown[][];
  config: unknown;
  requests: string[];
  helperCalls: string[];
}

/** Runs `lines` one after another, beginning with `config`. */
async function play(
  client: string,
  config: object | undefined,
  lines: readonly string[],
  others: Record<string, string> = {},
): Promise<Seen> {
  rmSync(configFolder, { recursive: true, force: true });
  rmSync(join(root, 'bin/secrets'), { recursive: true, force: true });
  mkdirSync(join(root, 'bin/secrets'));
  helper.calls();
  requests.length = 0;
  const file = join(configFolder, 'config.json');
  if (config !== undefined) {
    mkdirSync(configFolder);
    writeFileSync(file, JSON.stringify(config));
  }
  const env = { DOCKER_CONFIG: configFolder, PATH: `${helper.folder}:${process.env['PATH']}`, ...others };
  const said: unknown[][] = [];
  for (const line of lines) {
    const [args = '', input = ''] = line.split(' < ');
    const result = await runProgram([client, '-H', host, ...args.split(' ').filter(Boolean)], { env, input });
    said.push([line, result.code, result.stdout, alike(result.stderr)]);
  }
  return {
    said,
    config: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined,
    requests: [...requests],
    // Go's encoder escapes what HTML might mistake.
    helperCalls: helper.calls().map((call) => call.replaceAll('\\u003c', '<').replaceAll('\\u003e', '>')),
  };
}

/** Gantry's name for docker's, and without the hints that docker doesn't have. */
function alike(text: string): string {
  const hints = /^(Give --username, .*|Install the credential helper, .*)\n/gm;
  return text.replace(hints, '').replaceAll('gantry', 'docker').replaceAll('Gantry', 'Docker');
}

const plays: ReadonlyArray<readonly [name: string, config: object | undefined, lines: readonly string[]]> = [
  [
    'in config.json',
    undefined,
    [
      'login -u me -p pw a.example:5000',
      'login -u me --password-stdin b.example < pw\n',
      'login -u me --password-stdin c.example < p w\r\n',
      'login -u me -p pw',
      'login -u me -p for-token t.example',
      'login a.example:5000',
      'login https://a.example:5000/v2/',
      'login',
      'login -u me -p pw2 b.example',
      'pull a.example:5000/x',
      'pull t.example/x',
      'pull none.example/x',
      'pull x',
      'pull -a a.example:5000/x',
      'push a.example:5000/x:1',
      'push -a a.example:5000/x',
      'search a.example:5000/x',
      'search x',
      'run a.example:5000/x',
      'logout b.example',
      'logout none.example',
      'logout https://t.example/v2/',
      'logout',
    ],
  ],
  [
    'refused',
    undefined,
    [
      'login -u me -p bad a.example',
      'login -u me a.example',
      'login a.example',
      'login',
      'login --password-stdin a.example < pw',
      'login -u me --password-stdin a.example',
      'login -u me -p x --password-stdin a.example < pw',
      'login -p x a.example',
      'login --username= --password-stdin a.example < pw',
      'login -u me --password= a.example',
    ],
  ],
  [
    'kept by one helper',
    { credsStore: 'fake', auths: { 'plain.example': { auth: 'bWU6cHc=' } } },
    [
      'login -u me -p pw a.example',
      'login -u me -p for-token t.example',
      'login a.example',
      'pull a.example/x',
      'pull t.example/x',
      'pull plain.example/x',
      'login -u me -p pw broken.example',
    ],
  ],
  [
    'kept by helpers of their own',
    { credHelpers: { 'a.example': 'fake', 'bad.example': 'nonsuch' } },
    [
      'login -u me -p pw a.example',
      'login -u me -p pw b.example',
      'pull a.example/x',
      'pull b.example/x',
      'login -u me -p pw bad.example',
    ],
  ],
];

describe('logins', { skip }, () => {
  for (const [name, config, lines] of plays) {
    test(name, async () => {
      const theirs = await play(docker, config, lines);
      assert.deepEqual(await play('bin/gantry', config, lines), theirs);
      assert.ok(theirs.said.length === lines.length);
    });
  }
});

describe('logins of gantry alone', () => {
  test('logout erases at a helper every name of a server', async () => {
    const config = { credsStore: 'fake' };
    const { said, helperCalls } = await play('bin/gantry', config, [
      'login -u me -p pw a.example',
      'logout a.example',
    ]);
    assert.deepEqual(said.at(-1), ['logout a.example', 0, 'Removing login credentials for a.example\n', '']);
    assert.deepEqual(helperCalls.slice(1), [
      'erase a.example',
      'erase http://a.example',
      'erase https://a.example',
    ]);
  });

  test('a stored password that is no longer good is said so, and nothing is stored', async () => {
    const config = { auths: { 'a.example': { auth: Buffer.from('me:bad').toString('base64') } } };
    const seen = await play('bin/gantry', config, ['login a.example']);
    assert.deepEqual(seen.said[0]?.slice(1, 3), [1, '']);
    assert.match(
      String(seen.said[0]?.[3]),
      /\[Username: me\][\s\S]*Stored credentials invalid or expired\nError: Cannot perform/,
    );
    assert.deepEqual(seen.config, config);
  });

  test('a config.json that is no JSON: said, not used, not overwritten', async () => {
    await play('bin/gantry', {}, []);
    writeFileSync(join(configFolder, 'config.json'), '{bad');
    const env = { DOCKER_CONFIG: configFolder };
    const pulled = await runProgram(['bin/gantry', '-H', host, 'pull', 'a.example/x'], { env });
    assert.equal(pulled.code, 0);
    assert.match(pulled.stderr, /^WARNING: Error parsing config file \(.*config\.json\): /);
    const login = await runProgram(['bin/gantry', '-H', host, 'login', '-u', 'a', '-p', 'b', 'x'], { env });
    assert.equal(login.code, 1);
    assert.match(
      login.stderr,
      /Error saving credentials: could not parse .*\nMend the file, or move it away\.\n$/,
    );
    assert.equal(readFileSync(join(configFolder, 'config.json'), 'utf8'), '{bad');
  });

  test('DOCKER_AUTH_CONFIG comes before config.json and helpers, and is never written', async () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const config = {
      auths: { 'a.example': { auth: base64('file:pw') }, 'b.example': { auth: base64('file:pw') } },
    };
    const given = {
      auths: { 'a.example': { auth: base64('ci:given') }, 'c.example': { auth: base64('ci:c') } },
    };
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify(given) };
    const lines = ['pull a.example/x', 'pull b.example/x', 'login c.example', 'logout a.example'];
    const seen = await play('bin/gantry', config, lines, env);
    assert.deepEqual(
      seen.requests.map((request) => /"username":"[^"]*","password":"[^"]*"/.exec(request)?.[0]),
      [
        '"username":"ci","password":"given"',
        '"username":"file","password":"pw"',
        '"username":"ci","password":"c"',
      ],
    );
    assert.deepEqual(seen.config, {
      auths: { 'b.example': { auth: base64('file:pw') }, 'c.example': { auth: base64('ci:c') } },
    });
  });

  test('a DOCKER_AUTH_CONFIG that is wrong is said, and config.json serves', async () => {
    const config = { auths: { 'a.example': { auth: Buffer.from('file:pw').toString('base64') } } };
    const seen = await play('bin/gantry', config, ['pull a.example/x'], {
      DOCKER_AUTH_CONFIG: '{"auths":1}',
    });
    assert.deepEqual(seen.said[0]?.[1], 0);
    assert.match(
      String(seen.said[0]?.[3]),
      /^WARNING: DOCKER_AUTH_CONFIG is left out: "auths" is no JSON object\n/,
    );
    assert.match(seen.requests[0] ?? '', /"username":"file"/);
  });

  test('--config names the folder', async () => {
    const other = join(root, 'other');
    const argv = ['bin/gantry', '--config', other, '-H', host, 'login', '-u', 'me', '-p', 'pw', 'a.example'];
    assert.equal((await runProgram(argv)).code, 0);
    assert.deepEqual(JSON.parse(readFileSync(join(other, 'config.json'), 'utf8')), {
      auths: { 'a.example': { auth: 'bWU6cHc=' } },
    });
  });
});
