/** The quickstart: a daemon of its own, a busybox image, a web server in a container, the six steps with their times, and clean-up. */
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    /** Another name gives another daemon: data root, sockets, bridge, table. */
    name: { type: 'string', default: 'quickstart' },
  },
});

/** Everything of this daemon has a place of its own, so that no dockerd and no other gantryd on the host is touched. */
const place = {
  dataRoot: `/var/lib/gantry-${options.name}`,
  execRoot: `/run/gantry-${options.name}`,
  socket: `/run/gantry-${options.name}.sock`,
  pidFile: `/run/gantry-${options.name}.pid`,
  log: `/run/gantry-${options.name}.log`,
  bridge: `gy-${options.name.slice(0, 11)}`,
  nftTable: `gantry_${options.name}`,
  cgroupParent: `/gantry-${options.name}`,
};
const host = `unix://${place.socket}`;

function title(text: string): void {
  process.stdout.write(`\n\x1b[1m==> ${text}\x1b[0m\n`);
}

function fail(text: string): never {
  throw new Error(text);
}

/** As one would type it in a shell. */
function quoted(word: string): string {
  return /^[\w.,:/=@%+{}-]+$/.test(word) ? word : `'${word}'`;
}

/** Runs `gantry …`, shown to the reader as it is typed; returns what it printed. */
function gantry(args: string[], { show = true, input }: { show?: boolean; input?: Buffer } = {}): string {
  if (show) process.stdout.write(`\x1b[2m$ gantry ${args.map(quoted).join(' ')}\x1b[0m\n`);
  const result = spawnSync('bin/gantry', args, {
    env: { ...process.env, GANTRY_HOST: host, DOCKER_HOST: host },
    ...(input === undefined ? {} : { input }),
    stdio: ['pipe', 'pipe', show ? 'inherit' : 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = result.stdout.toString();
  if (show) process.stdout.write(output);
  if (result.status !== 0)
    fail(`gantry ${args[0]} failed (exit ${result.status}): ${result.stderr?.toString() ?? 'see above'}`);
  return output.trim();
}

function daemonPid(): number | undefined {
  if (!existsSync(place.pidFile)) return undefined;
  const pid = Number(readFileSync(place.pidFile, 'utf8').trim());
  return existsSync(`/proc/${pid}/cmdline`) &&
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('gantryd')
    ? pid
    : undefined;
}

async function startDaemon(): Promise<void> {
  if (daemonPid() !== undefined) {
    process.stdout.write('It runs already.\n');
    return;
  }
  const log = openSync(place.log, 'w');
  const flags = [
    ['--data-root', place.dataRoot],
    ['--exec-root', place.execRoot],
    ['--host', host],
    ['--pidfile', place.pidFile],
    ['--bridge', place.bridge],
    ['--nft-table', place.nftTable],
    ['--cgroup-parent', place.cgroupParent],
  ].flat();
  const daemon = spawn('bin/gantryd', flags, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  daemon.unref();
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (daemon.exitCode !== null)
      fail(`the daemon ended at once; its log:\n${readFileSync(place.log, 'utf8')}`);
    if (
      existsSync(place.socket) &&
      spawnSync('bin/gantry', ['-H', host, 'version'], { stdio: 'ignore' }).status === 0
    )
      return;
    await sleep(20);
  }
  fail(`the daemon did not answer on ${host} within 10 s; its log:\n${readFileSync(place.log, 'utf8')}`);
}

/** Ends a daemon by its pid file, and waits until it is gone. */
async function stopDaemon(): Promise<void> {
  const pid = daemonPid();
  if (pid === undefined) return;
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < 10_000 && existsSync(`/proc/${pid}`); waited += 20) await sleep(20);
}

/** The root file system of a small image from the machine's own static busybox, as a tar. */
async function busyboxRoot(): Promise<Buffer> {
  const root = mkdtempSync(join(tmpdir(), 'gantry-busybox-'));
  try {
    for (const directory of ['bin', 'etc', 'home', 'root', 'tmp', 'usr', 'var', 'var/www'])
      mkdirSync(join(root, directory));
    const busybox =
      ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path)) ??
      fail('busybox is missing: apt-get install busybox-static');
    await copyFile(busybox, join(root, 'bin/busybox'));
    for (const applet of spawnSync(busybox, ['--list']).stdout.toString().split('\n')) {
      if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
    }
    spawnSync(
      'sh',
      [
        '-c',
        `printf 'root:x:0:0:root:/root:/bin/sh\\n' >etc/passwd; printf 'root:x:0:\\n' >etc/group; chmod 1777 tmp`,
      ],
      { cwd: root },
    );
    return spawnSync('tar', ['-C', root, '--numeric-owner', '--owner=0', '--group=0', '-c', '.'], {
      maxBuffer: 64 * 1024 * 1024,
    }).stdout;
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function provideImage(): Promise<void> {
  if (gantry(['images', '-q', 'busybox'], { show: false }) !== '') return;
  const reachable = await fetch('https://registry-1.docker.io/v2/', {
    signal: AbortSignal.timeout(2000),
  }).then(
    () => true,
    () => false,
  );
  if (reachable) {
    gantry(['pull', 'busybox']);
    return;
  }
  process.stdout.write('No registry can be reached: making the image from the busybox of this machine.\n');
  gantry(['import', '--change', 'CMD ["sh"]', '--change', 'ENV PATH=/bin', '-', 'busybox:latest'], {
    input: await busyboxRoot(),
  });
}

async function fetchPage(url: string): Promise<string> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (tries >= 50) throw error;
      await sleep(20);
    }
  }
}

async function serveAPage(): Promise<void> {
  title('A web server in a container, and the six steps of its start');
  const script =
    'echo "Hello from a container on $(hostname)." >/var/www/index.html; exec httpd -f -p 80 -h /var/www';
  gantry(['run', '-d', '--explain', '--name', 'web', '-p', '80', 'busybox', 'sh', '-c', script]);
  title('Its address');
  gantry(['inspect', '--format', '{{.NetworkSettings.IPAddress}}', 'web']);
  title('What runs');
  gantry(['ps']);
  const port =
    gantry(['port', 'web', '80/tcp'], { show: false }).split('\n')[0]?.split(':').pop() ??
    fail('the port was not published');
  title('A page through the published port');
  process.stdout.write(
    `\x1b[2m$ curl http://127.0.0.1:${port}/\x1b[0m\n${await fetchPage(`http://127.0.0.1:${port}/`)}`,
  );
}

/** Removes the container, the bridge, the nft table, the daemon and its folders. */
async function cleanUp(): Promise<void> {
  if (daemonPid() !== undefined) {
    const ids = gantry(['ps', '-aq'], { show: false })
      .split('\n')
      .filter((id) => id !== '');
    if (ids.length > 0) gantry(['rm', '-f', ...ids], { show: false });
  }
  await stopDaemon();
  spawnSync('ip', ['link', 'delete', place.bridge], { stdio: 'ignore' });
  for (const family of ['inet', 'ip', 'ip6'])
    spawnSync('nft', ['delete', 'table', family, place.nftTable], { stdio: 'ignore' });
  for (const path of [place.execRoot, place.socket, place.pidFile, place.log, place.dataRoot])
    rmSync(path, { recursive: true, force: true });
}

function sayHowToGoOn(): void {
  title('It keeps running. Use it so:');
  process.stdout.write(`  export GANTRY_HOST=${host}      # the docker CLI: DOCKER_HOST=${host}
  bin/gantry ps
  bin/gantry run -it --rm busybox sh
  npm run quickstart                # runs it again and cleans up at its end
`);
}

async function main(): Promise<void> {
  const begun = performance.now();
  await cleanUp();
  try {
    title('A daemon of its own');
    await startDaemon();
    process.stdout.write(`gantryd (pid ${daemonPid()}) listens on ${host}; its log is ${place.log}\n`);
    title('An image');
    await provideImage();
    gantry(['images']);
    await serveAPage();
  } catch (error) {
    await cleanUp();
    throw error;
  }
  if (options.keep) sayHowToGoOn();
  else {
    await cleanUp();
    title('Cleaned up: no process, mount, link, rule or folder is left');
    process.stdout.write('Leave it running instead with: npm run quickstart -- --keep\n');
  }
  process.stdout.write(`\nDone in ${((performance.now() - begun) / 1000).toFixed(1)} s.\n`);
}

await main().catch((error: unknown) => {
  process.stderr.write(
    `\x1b[31mquickstart failed:\x1b[0m ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
});
