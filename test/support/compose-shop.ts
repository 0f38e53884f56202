/** The images of shop.yml (a database, a web server, a worker, all of busybox), and docker-compose 1 to run it with. */
import { fileURLToPath } from 'node:url';
import { type CommandResult, type RunOptions, runProgram, type TestDaemon } from './daemon.ts';
import { buildBusyboxImage, dockerArchive } from './image-fixtures.ts';

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const commands: Record<string, string> = {
  'shop-database':
    'echo "$ROWS since $(hostname)" >>/data/rows; trap "exit 0" TERM; nc -ll -p 5432 -e cat /data/rows & wait',
  'shop-web':
    'trap "exit 0" TERM; mkdir -p /www; echo "hello from $GREETING" >/www/index.html; httpd -f -p 80 -h /www & wait',
  'shop-worker':
    'trap "exit 0" TERM; echo "$(hostname) works on: $(nc db 5432 </dev/null | head -n 1)"; sleep 1000 & wait',
};

/** Loads the images that shop.yml names. */
export async function loadShopImages(daemon: TestDaemon): Promise<void> {
  const images = Object.entries(commands).map(([name, script]) => ({
    image: buildBusyboxImage({ config: { Env: [path], Cmd: ['sh', '-c', script] } }),
    tags: [`${name}:latest`],
  }));
  const loaded = await daemon.docker(['load'], { input: dockerArchive(images) });
  if (loaded.code !== 0) throw new Error(`cannot load the shop's images: ${loaded.stderr}`);
}

const shop = fileURLToPath(new URL('shop.yml', import.meta.url));

/** Runs docker-compose 1 on shop.yml as project `shop`; its `DOCKER_HOST` is the daemon's. */
export async function composeShop(
  daemon: TestDaemon,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const env = { DOCKER_HOST: daemon.host, COMPOSE_HTTP_TIMEOUT: '50', ...options.env };
  return runProgram(['docker-compose', '--ansi', 'never', '-p', 'shop', '-f', shop, ...args], {
    ...options,
    env,
  });
}
