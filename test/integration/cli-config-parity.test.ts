/** What config.json and the environment say counts for gantry as for the stock docker client: the same requests, the same output. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, dockerCli, runProgram } from '../support/daemon.ts';

const docker = dockerCli ?? '';
const skip = dockerCli === undefined ? 'this host has no docker CLI' : false;

const answers: ReadonlyArray<readonly [part: string, body: unknown]> = [
  [
    '/containers/json',
    [
      {
        Id: 'a'.repeat(64),
        Names: ['/web'],
        Image: 'busybox',
        ImageID: `sha256:${'b'.repeat(64)}`,
        Command: 'sh',
        Created: 1_700_000_000,
        Ports: [],
        Labels: {},
        State: 'running',
        Status: 'Up 1 second',
        HostConfig: { NetworkMode: 'bridge' },
        NetworkSettings: { Networks: {} },
        Mounts: [],
        SizeRw: 5,
        SizeRootFs: 7,
      },
    ],
  ],
  [
    '/images/json',
    [
      {
        Id: `sha256:${'b'.repeat(64)}`,
        ParentId: '',
        RepoTags: ['busybox:latest'],
        RepoDigests: [],
        Created: 1_700_000_000,
        Size: 1000,
        SharedSize: -1,
        Labels: null,
        Containers: -1,
      },
    ],
  ],
  [
    '/volumes',
    {
      Volumes: [
        { Name: 'v', Driver: 'local', Mountpoint: '/m', Scope: 'local', Labels: null, Options: null },
      ],
    },
  ],
  ['/networks', [{ Id: 'n'.repeat(64), Name: 'net', Driver: 'bridge', Scope: 'local' }]],
  ['/build/prune', { CachesDeleted: ['abc'], SpaceReclaimed: 1500 }],
];

/** The query by name, without what is empty. */
function sorted(url: string): string {
  const [path = '', query = ''] = url.split('?');
  const parameters = query.split('&').filter((one) => one !== '' && !one.endsWith('='));
  return [path, ...parameters.sort()].join(' ');
}

describe('config.json and the environment', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-config-'));
  const host = `unix://${folder}/s.sock`;
  let requests: unknown[] = [];
  let server: Server;

  function answer(request: IncomingMessage, response: ServerResponse, text: string): void {
    const url = (request.url ?? '').replace(/^\/v[\d.]+/, '');
    response.setHeader('Api-Version', '1.51').setHeader('OSType', 'linux');
    response.setHeader('Content-Type', 'application/json');
    if (url.endsWith('/_ping')) {
      response.end('OK');
      return;
    }
    const created = url.startsWith('/containers/create');
    const body = created ? JSON.parse(text) : undefined;
    const headers = Object.entries(request.headers).filter(([name]) => name.startsWith('x-'));
    requests.push({ method: request.method, url: sorted(url), headers, env: body?.Env?.sort() ?? null });
    const found = answers.find(([part]) => url.startsWith(part));
    if (created) response.writeHead(201).end('{"Id":"abc","Warnings":[]}');
    else if (found === undefined) response.writeHead(404).end('{"message":"no"}');
    else response.end(JSON.stringify(found[1]));
  }

  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()));
    });
    await new Promise<void>((resolve) => server.listen(`${folder}/s.sock`, resolve));
    const config = {
      psFormat: '{{.Names}} {{.Size}}',
      imagesFormat: 'table {{.Repository}}\t{{.ID}}',
      volumesFormat: 'V {{.Name}}',
      networksFormat: 'N {{.Name}}',
      HttpHeaders: { 'X-A': '1', 'User-Agent': 'zork' },
      proxies: {
        default: { httpProxy: 'http://p:1', noProxy: 'a,b' },
        [host]: { httpsProxy: 'http://special:2', allProxy: 'socks://s', ftpProxy: '' },
        'unix:///other': { httpProxy: 'http://no' },
      },
    };
    mkdirSync(join(folder, 'all'));
    writeFileSync(join(folder, 'all/config.json'), JSON.stringify(config));
    const plainProxies = { proxies: { default: config.proxies.default } };
    mkdirSync(join(folder, 'proxies'));
    writeFileSync(join(folder, 'proxies/config.json'), JSON.stringify(plainProxies));
    mkdirSync(join(folder, 'empty'));
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(client: string, config: string, words: string[], env: Record<string, string>) {
    requests = [];
    const input = words.includes('prune') ? 'y\n' : '';
    const argv = [client, '--config', join(folder, config), '-H', host, ...words];
    const result: CommandResult = await runProgram(argv, { env, input });
    const stderr = result.stderr.replace(/^DEPRECATED: [\s\S]*?\n\n/, '');
    return { ...result, stderr, requests };
  }

  const lines: ReadonlyArray<readonly [config: string, line: string, env?: Record<string, string>]> = [
    ['all', 'ps'],
    ['all', 'ps -q'],
    ['all', 'ps -s'],
    ['all', 'ps --format {{.ID}}'],
    ['all', 'ps -q --format {{.ID}}'],
    ['all', 'ps --format table'],
    ['all', 'images'],
    ['all', 'images -q'],
    ['all', 'images -q --format {{.Tag}}'],
    ['all', 'volume ls'],
    ['all', 'volume ls -q'],
    ['all', 'network ls'],
    ['all', 'network ls -q'],
    ['all', 'network ls -q --format {{.Name}}'],
    ['all', 'builder prune'],
    ['empty', 'builder prune -a --keep-storage 5m --filter until=24h'],
    ['all', 'create busybox'],
    ['all', 'create -e A=b -e https_proxy=own busybox'],
    ['proxies', 'create -e A=b -e http_proxy= busybox'],
    ['proxies', 'create -e HTTP_PROXY busybox'],
    ['empty', 'create busybox', { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' }],
    ['empty', 'create --platform linux/amd64 busybox', { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' }],
    ['empty', 'ps', { DOCKER_CUSTOM_HEADERS: 'X-B=5,"X-C=a,b"' }],
    ['all', 'ps', { DOCKER_CUSTOM_HEADERS: 'X-B=5' }],
  ];
  for (const [config, line, env = {}] of lines) {
    test(`${config}: ${line} ${JSON.stringify(env)}`, async () => {
      const theirs = await run(docker, config, line.split(' '), env);
      const ours = await run('bin/gantry', config, line.split(' '), env);
      assert.deepEqual(ours, theirs);
      assert.equal(theirs.code, 0);
    });
  }

  test('a .env or bunfig.toml of the folder is not read', async () => {
    const evil = join(folder, 'evil');
    mkdirSync(evil);
    writeFileSync(join(evil, '.env'), 'DOCKER_HOST=unix:///evil\nGANTRY_HOST=unix:///evil\n');
    writeFileSync(join(evil, 'bunfig.toml'), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(evil, 'evil.ts'), 'process.stdout.write("evil\\n");\n');
    const argv = ['sh', '-c', `cd ${evil} && exec ${process.cwd()}/bin/gantry ps -q`];
    const { stdout, stderr } = await runProgram(argv, { env: { DOCKER_CONFIG: folder } });
    assert.doesNotMatch(stdout + stderr, /evil/);
  });

  test('legacy commands are hidden where the user wants it', async () => {
    const env = { DOCKER_HIDE_LEGACY_COMMANDS: '1' };
    const { stdout } = await runProgram(['bin/gantry', '--help'], { env });
    assert.doesNotMatch(stdout, /^ {2}(rmi|stop|cp) /m);
    assert.match(stdout, /^ {2}run /m);
    assert.match(stdout, /^ {2}container /m);
    assert.match((await runProgram(['bin/gantry', '--help'])).stdout, /^ {2}rmi /m);
  });

  test('logging levels that nobody knows are refused, and help may come before the command', async () => {
    for (const words of [['-l', 'zork', 'ps']])
      assert.deepEqual(await run('bin/gantry', 'empty', words, {}), await run(docker, 'empty', words, {}));
    const help = await runProgram(['bin/gantry', 'ps', '--help']);
    assert.deepEqual(await runProgram(['bin/gantry', '--help', 'ps']), help);
    assert.match(help.stdout, /^Usage: {2}gantry ps/);
  });
});
