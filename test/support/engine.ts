/** An engine of a test's own, with a busybox image: its roots, bridge, subnet, nft table and cgroup parent are nobody else's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { attachContainer } from '../../src/engine/attach.ts';
import { createContainer } from '../../src/engine/create.ts';
import { closeEngine, createEngine } from '../../src/engine/create-engine.ts';
import { type DaemonConfig, defaultDaemonConfig } from '../../src/engine/daemon-config.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { ContainerConfig, HostConfig } from '../../src/engine/model.ts';
import { removeContainer } from '../../src/engine/remove.ts';
import { startContainer } from '../../src/engine/start.ts';
import { removeCgroup } from '../../src/host/cgroups-control.ts';
import { busyboxArchive } from './image-fixtures.ts';
import { containerConfig, hostConfig } from './spec-input.ts';

let counter = 0;

export interface Asked {
  config?: Partial<ContainerConfig>;
  host?: Partial<HostConfig>;
  name?: string;
}

export class TestEngine {
  readonly root: string;
  readonly config: DaemonConfig;
  engine: Engine;

  private constructor(config: DaemonConfig, root: string, engine: Engine) {
    this.config = config;
    this.root = root;
    this.engine = engine;
  }

  static async start(): Promise<TestEngine> {
    counter += 1;
    const name = `ge${process.pid.toString(36)}${counter.toString(36)}`;
    const root = mkdtempSync(join(tmpdir(), 'gantry-engine-'));
    const shimPath = join(import.meta.dirname, '../../native/build/gantry-shim');
    const config: DaemonConfig = {
      ...defaultDaemonConfig({ dataRoot: join(root, 'data'), execRoot: join(root, 'exec'), shimPath }),
      bridge: name,
      bip: subnetOf(process.pid + counter),
      nftTable: name,
      cgroupParent: name,
    };
    const test = new TestEngine(config, root, await openEngine(config));
    await test.engine.images.load(Readable.from([busyboxArchive()]), () => undefined);
    return test;
  }

  /** Closes the engine and opens another one, as a restart of the daemon does. `between` runs while there is none. */
  async reopen(between?: () => Promise<void> | void): Promise<void> {
    await closeEngine(this.engine);
    await between?.();
    this.engine = await openEngine(this.config);
  }

  /** Makes a container of busybox that runs `command`; returns its ID. */
  async create(command: readonly string[], asked: Asked = {}): Promise<string> {
    const { id } = await createContainer(this.engine, {
      config: containerConfig({ image: 'busybox', cmd: [...command], hostname: '', ...asked.config }),
      hostConfig: hostConfig({ ipcMode: '', cgroupnsMode: '', runtime: '', ...asked.host }),
      endpointConfigs: {},
      ...(asked.name === undefined ? {} : { name: asked.name }),
    });
    return id;
  }

  async run(command: readonly string[], asked: Asked = {}): Promise<string> {
    const id = await this.create(command, asked);
    await startContainer(this.engine, id);
    return id;
  }

  /** Starts a container that was made, and returns all that it says. */
  async output(id: string, input?: string): Promise<string> {
    const session = await attachContainer(this.engine, id, {
      stdin: input !== undefined,
      stdout: true,
      stderr: true,
      logs: false,
      stream: true,
    });
    const reading = textOf(session.output);
    await startContainer(this.engine, id);
    session.input?.end(input);
    return await reading;
  }

  /** Removes everything, the bridge too. */
  async close(): Promise<void> {
    const { engine } = this;
    for (const { id } of engine.containers.list())
      await removeContainer(engine, id, { force: true, volumes: true, link: false });
    await engine.networks.destroy();
    await removeCgroup(engine.host.cgroups, `/${this.config.cgroupParent}`);
    await closeEngine(engine);
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** One of a thousand subnets, so that tests beside this one have others. */
function subnetOf(seed: number): string {
  return `10.${214 + (Math.trunc(seed / 250) % 4)}.${seed % 250}.1/24`;
}

function openEngine(config: DaemonConfig): Promise<Engine> {
  return createEngine(config, pino({ level: 'silent' }));
}

export async function textOf(output: AsyncIterable<{ data: Buffer }>): Promise<string> {
  let text = '';
  for await (const { data } of output) text += data.toString();
  return text;
}
