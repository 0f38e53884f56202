/** Contexts: what gantry and docker each make of a store, and of the contexts that the other made. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { type CommandResult, dockerCli, runProgram } from '../support/daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-contexts-'));
const config = join(folder, 'config');
const socket = join(folder, 's.sock');
const authority = makeAuthority(folder, 'ca');
const client = makeCertificate(folder, 'client', authority);
const tls = `ca=${authority.certificate},cert=${client.certificate},key=${client.key}`;
const docker = dockerCli ?? '';

/** Stands for a daemon: says which host it was asked for. */
const daemon = createServer((request, response) => {
  response.setHeader('Api-Version', '1.51');
  response.end(request.url?.includes('/containers/json') === true ? '[]' : 'OK');
});

before(() => new Promise<void>((resolve) => daemon.listen(socket, resolve)));
after(() => {
  daemon.close();
  daemon.closeAllConnections();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  rmSync(config, { recursive: true, force: true });
  mkdirSync(config);
});

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<CommandResult> {
  return runProgram([program, ...args], { env: { DOCKER_CONFIG: config, ...env } });
}
const gantry = (args: readonly string[], env?: Record<string, string>): Promise<CommandResult> =>
  run('bin/gantry', args, env);

/** Everything in the store with modes, without what is random. */
function storeOf(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files.map((path) => {
      const stat = statSync(join(root, path));
      return [
        path,
        `${(stat.mode & 0o777).toString(8)} ${stat.isFile() ? readFileSync(join(root, path), 'utf8') : ''}`,
      ];
    }),
  );
}

/** The same script by either client, in a config folder that is empty at first; the outputs, with the folder's name. */
async function session(
  program: string,
  script: ReadonlyArray<readonly string[]>,
  env: Record<string, string> = {},
) {
  const outputs: Array<CommandResult & { args: readonly string[] }> = [];
  for (const args of script) outputs.push({ args, ...(await run(program, args, env)) });
  return { outputs, store: storeOf(config) };
}

const script: ReadonlyArray<readonly string[]> = [
  ['context', 'create', 'far', '--docker', `host=tcp://far:2376,${tls}`, '--description', 'The far one'],
  ['context', 'create', 'copy', '--from', 'far'],
  ['context', 'create', 'half', '--docker', 'from=far', '--description', 'half'],
  ['context', 'create', 'bold', '--docker', 'host=tcp://far:2376,skip-tls-verify=true'],
  ['context', 'create', 'ssh', '--docker', 'host=ssh://me@far'],
  ['context', 'create', 'empty', '--docker', 'host='],
  ['context', 'create', 'far', '--docker', 'host=tcp://x:1'],
  ['context', 'create', 'x', '--docker', 'host=tcp://x:1'],
  ['context', 'create', 'a b', '--docker', 'host=tcp://x:1'],
  ['context', 'create', 'default', '--docker', 'host=tcp://x:1'],
  ['context', 'create', 'bad', '--docker', 'hosty=tcp://x:1'],
  ['context', 'create', 'bad', '--docker', 'host=tcp://x:1,skip-tls-verify=zz'],
  ['context', 'create', 'bad', '--docker', 'host=tcp://x:1,ca=/etc/hostname'],
  ['context', 'create', 'bad', '--docker', 'host=tcp://x:1,ca=/no/file'],
  ['context', 'create', 'bad', '--from', 'far', '--docker', 'host=tcp://x:1'],
  ['context', 'create', 'bad', '--from', 'nope'],
  ['context', 'create', 'bad', '--docker', 'from=nope'],
  ['context', 'use', 'far'],
  ['context', 'show'],
  ['context', 'ls'],
  ['context', 'ls', '-q'],
  ['context', 'ls', '--format', '{{.Name}}|{{.Current}}|{{.Description}}|{{.DockerEndpoint}}|{{.Error}}'],
  ['context', 'ls', '--format', 'json'],
  ['context', 'inspect'],
  ['context', 'inspect', 'copy', 'half', 'bold', 'nope'],
  ['context', 'inspect', '-f', '{{.Name}} {{.Endpoints.docker.Host}}', 'far'],
  ['context', 'inspect', '-f', 'json', 'bold'],
  ['context', 'update', 'copy', '--description', 'new'],
  ['context', 'update', 'half', '--docker', `host=tcp://half:1,ca=${authority.certificate}`],
  ['context', 'update', 'nope', '--description', 'new'],
  ['context', 'update', 'default', '--description', 'new'],
  ['context', 'use', 'nope'],
  ['context', 'rm', 'far'],
  ['context', 'rm', 'nope'],
  ['context', 'rm', 'default'],
  ['context', 'rm', 'ssh', 'nope', 'bold'],
  ['context', 'rm', '-f', 'far', 'nope'],
  ['context', 'show'],
  ['context', 'use', 'copy'],
  ['context', 'use', 'default'],
];

/** Hints are Gantry's own: lines after the message. */
function withoutHints(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^(?:List the contexts|Known keys are)/.test(line))
    .join('\n');
}

test('the same commands by both: outputs, errors, files and their modes', async (context) => {
  if (docker === '') return context.skip('no docker command line');
  const theirs = await session(docker, script, { DOCKER_HOST: '' });
  rmSync(config, { recursive: true });
  mkdirSync(config);
  const ours = await session('bin/gantry', script, { DOCKER_HOST: '' });
  for (const [index, their] of theirs.outputs.entries()) {
    const our = ours.outputs[index];
    const sameHost = (text: string): string =>
      text
        .replaceAll('/var/run/docker.sock', '/run/gantry.sock')
        .replace(/ +$/gm, '')
        .replace(/ {2,}/g, '  ');
    const own = { ...our, stderr: withoutHints(our?.stderr ?? ''), stdout: sameHost(our?.stdout ?? '') };
    assert.deepEqual(own, { ...their, stdout: sameHost(their.stdout) }, their.args.join(' '));
  }
  assert.deepEqual(ours.store, theirs.store);
});

test('what one made the other uses', async (context) => {
  if (docker === '') return context.skip('no docker command line');
  const clients = ['bin/gantry', docker] as const;
  for (const [maker, user] of [clients, [...clients].reverse()] as const) {
    const name = maker === docker ? 'theirs' : 'ours';
    assert.equal(
      (await run(maker ?? '', ['context', 'create', name, '--docker', `host=unix://${socket}`])).code,
      0,
    );
    assert.equal((await run(maker ?? '', ['context', 'use', name])).code, 0);
    assert.deepEqual(await run(user ?? '', ['ps', '-q']), { code: 0, stdout: '', stderr: '' });
    assert.deepEqual(await run(user ?? '', ['context', 'show']), {
      code: 0,
      stdout: `${name}\n`,
      stderr: '',
    });
  }
});

test('flags, variables and the chosen context: which counts', async () => {
  await gantry(['context', 'create', 'here', '--docker', `host=unix://${socket}`]);
  await gantry(['context', 'create', 'nowhere', '--docker', 'host=unix:///no/1.sock']);
  await gantry(['context', 'use', 'nowhere']);
  const cases: ReadonlyArray<readonly [args: string[], env: Record<string, string>, reached: string]> = [
    [[], {}, '/no/1.sock'],
    [['-c', 'here'], {}, ''],
    [[], { DOCKER_CONTEXT: 'here' }, ''],
    [['--context', 'nowhere'], { DOCKER_CONTEXT: 'here' }, '/no/1.sock'],
    [[], { DOCKER_HOST: `unix://${socket}`, DOCKER_CONTEXT: 'nowhere' }, ''],
    [[], { GANTRY_HOST: `unix://${socket}`, DOCKER_HOST: 'unix:///no/2.sock' }, ''],
    [['-H', `unix://${socket}`], { DOCKER_CONTEXT: 'nowhere' }, ''],
    [['-c', 'here'], { DOCKER_HOST: 'unix:///no/2.sock' }, ''],
    [['-c', 'default'], { DOCKER_HOST: 'unix:///no/2.sock' }, '/no/2.sock'],
  ];
  for (const [args, env, missed] of cases) {
    const { code, stderr } = await gantry([...args, 'ps', '-q'], env);
    assert.equal(code, missed === '' ? 0 : 1, `${args} ${JSON.stringify(env)}: ${stderr}`);
    if (missed !== '') assert.match(stderr, new RegExp(`at unix://${missed}\\.`));
  }
  const both = await gantry(['-c', 'here', '-H', 'tcp://a:1', 'ps']);
  assert.match(both.stderr, /^conflicting options: cannot specify both --host and --context\n/);
});

test('variables that override a choice are named', async () => {
  await gantry(['context', 'create', 'here', '--docker', `host=unix://${socket}`]);
  const use = await gantry(['context', 'use', 'here'], { DOCKER_HOST: 'tcp://a:1' });
  assert.equal(
    use.stderr,
    'Current context is now "here"\nWarning: DOCKER_HOST environment variable overrides the active context. To use "here", either set the global --context flag, or unset DOCKER_HOST environment variable.\n',
  );
  const ls = await gantry(['context', 'ls'], { GANTRY_HOST: 'tcp://a:1' });
  assert.match(ls.stdout, /^default \* .* tcp:\/\/a:1 *$/m);
  assert.match(
    ls.stderr,
    /^Warning: GANTRY_HOST environment variable overrides the active context\. To use a context/,
  );
});

test('a context that is gone: commands on contexts mend it, others say so', async () => {
  writeFileSync(join(config, 'config.json'), '{"currentContext":"gone","other":1}');
  const ps = await gantry(['ps']);
  assert.equal(ps.code, 1);
  assert.match(
    ps.stderr,
    /^Failed to initialize: unable to resolve docker endpoint: context "gone": context not found: open /,
  );
  assert.match(
    (await gantry(['context', 'ls'])).stdout,
    /^gone \* .* context "gone": context not found: open .*…$/m,
  );
  assert.equal((await gantry(['context', 'use', 'default'])).code, 0);
  assert.deepEqual(JSON.parse(readFileSync(join(config, 'config.json'), 'utf8')), { auths: {}, other: 1 });
});

test('archives go from one to the other, keys included', async (context) => {
  await gantry(['context', 'create', 'far', '--docker', `host=tcp://far:2376,${tls}`, '--description', 'x']);
  const ours = join(folder, 'ours.dockercontext');
  const first = await gantry(['context', 'export', 'far', ours]);
  assert.deepEqual(first, { code: 0, stdout: '', stderr: `Written file "${ours}"\n` });
  assert.equal(statSync(ours).mode & 0o777, 0o600);
  const again = await gantry(['context', 'export', 'far', ours]);
  assert.match(again.stderr, /^open .*ours\.dockercontext: file exists\n/);
  assert.deepEqual(await gantry(['context', 'import', 'back', ours]), {
    code: 0,
    stdout: 'back\n',
    stderr: 'Successfully imported context "back"\n',
  });
  const details = (
    await gantry(['context', 'inspect', 'back', '-f', '{{json .TLSMaterial}} {{.Metadata.Description}}'])
  ).stdout;
  assert.equal(details, '{"docker":["ca.pem","cert.pem","key.pem"]} x\n');
  if (docker === '') return context.skip('no docker command line');
  assert.equal((await run(docker, ['context', 'import', 'got', ours])).code, 0);
  const theirs = join(folder, 'theirs.dockercontext');
  assert.equal((await run(docker, ['context', 'export', 'far', theirs])).code, 0);
  assert.equal((await gantry(['context', 'import', 'took', theirs])).code, 0);
  const { store } = await session('bin/gantry', []);
  const keys = Object.entries(store).filter(([path]) => path.endsWith('key.pem'));
  assert.deepEqual(keys.length, 4);
  assert.equal(new Set(keys.map(([, content]) => content)).size, 1);
});

test('zip archives, and archives that are none or lead elsewhere', async () => {
  const source = join(folder, 'zip');
  mkdirSync(join(source, 'tls/docker'), { recursive: true });
  writeFileSync(
    join(source, 'meta.json'),
    '{"Name":"z","Metadata":{"Description":"zip"},"Endpoints":{"docker":{"Host":"tcp://z:1"}}}',
  );
  cpSync(authority.certificate, join(source, 'tls/docker/ca.pem'));
  const archive = join(folder, 'context.zip');
  const code = `import os,zipfile
with zipfile.ZipFile(${JSON.stringify(archive)},'w',zipfile.ZIP_DEFLATED) as z:
  for n in ('meta.json','tls/docker/ca.pem'): z.write(os.path.join(${JSON.stringify(source)},n),n)`;
  execFileSync('python3', ['-c', code]);
  assert.equal((await gantry(['context', 'import', 'zipped', archive])).code, 0);
  const details = await gantry([
    'context',
    'inspect',
    'zipped',
    '-f',
    '{{.Endpoints.docker.Host}} {{json .TLSMaterial}}',
  ]);
  assert.equal(details.stdout, 'tcp://z:1 {"docker":["ca.pem"]}\n');

  const evil = join(folder, 'evil.tar');
  mkdirSync(join(folder, 'evil/tls'), { recursive: true });
  writeFileSync(join(folder, 'evil/meta.json'), '{"Name":"e","Metadata":{},"Endpoints":{}}');
  writeFileSync(join(folder, 'evil/tls/x'), 'x');
  for (const rename of ['s,tls/x,tls/docker/../../../../x,', 's,tls/x,../x,', 's,tls/x,tls/../x,']) {
    execFileSync('tar', [
      'cf',
      evil,
      '-C',
      join(folder, 'evil'),
      '--transform',
      rename,
      'meta.json',
      'tls/x',
    ]);
    const { code: refused, stderr } = await gantry(['context', 'import', 'evil', evil]);
    assert.equal(refused, 1, rename);
    assert.match(stderr, /unexpected context file/);
    assert.equal(
      existsSync(join(config, 'contexts/meta')) && (await gantry(['context', 'ls', '-q'])).stdout,
      'default\nzipped\n',
    );
  }
  const cut = join(folder, 'cut.tar');
  writeFileSync(cut, readFileSync(join(folder, 'ours.dockercontext')).subarray(0, 2200));
  assert.match((await gantry(['context', 'import', 'cut', cut])).stderr, /^invalid context: /);
  const none = await gantry(['context', 'import', 'none', authority.certificate]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^invalid context: /);
  assert.match(
    (await gantry(['context', 'import', 'none', '/no/file'])).stderr,
    /^open \/no\/file: no such file or directory/,
  );
});
