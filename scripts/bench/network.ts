/** Published ports: a thousand of them by one container, and what one more costs beside them. */
import { commandMs, elapsedMs, runQuietly } from './measure.ts';

export interface PortTimes {
  /** Milliseconds until a container with a thousand ports runs. */
  thousand: number;
  /** Milliseconds of a run with one port beside them. */
  oneMore: number;
}

const range = '20000-20999:20000-20999';

/** `docker` makes an argument vector for the engine that is measured. */
export async function measurePorts(
  docker: (...args: string[]) => string[],
  runs: number,
): Promise<PortTimes> {
  const busybox = ['busybox', 'sleep', '1000'];
  const thousand = await elapsedMs(() =>
    runQuietly(docker('run', '-d', '--name', 'bench-ports', '-p', range, ...busybox)),
  );
  const oneMore = await commandMs(docker('run', '--rm', '-p', '80', 'busybox', 'true'), runs);
  await runQuietly(docker('rm', '-f', 'bench-ports'));
  return { thousand, oneMore };
}
