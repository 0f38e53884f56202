/** The networks of a build's RUN steps: namespaces with one endpoint each, made when the first step wants one, and used by one step after the other. */
import type { Engine } from '../../engine/engine.ts';
import { newId } from '../../engine/names.ts';
import { isDefaultMode, networkKind } from '../../engine/network-mode.ts';
import { hostsContent, resolvConfContent } from '../../engine/networks-files.ts';
import { runtimeProgram } from '../../engine/runtimes.ts';
import { joinedContainer } from '../../engine/spec/modes.ts';
import { networkSysctls } from '../../engine/spec/sysctls.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { joinSetups } from '../../network/interface-setup.ts';
import type { Bridge, Endpoint } from '../../network/network-types.ts';
import { raiseLink } from '../../network/rtnetlink.ts';
import type { NetworkNamespace, PreparedProcess } from '../../runtime/runtime-types.ts';
import type { BuildRequest } from '../build-types.ts';
import { stepRecord } from './step-record.ts';

const loopback = 1;

/** A network that a step runs in. */
export interface StepNetwork {
  namespace: NetworkNamespace;
  /** Contents of /etc/hosts and /etc/resolv.conf. */
  hosts: string;
  resolvConf: string;
  /** Gives it back, once no process is in it. `isTouched`: somebody may have changed its interfaces. */
  release(isTouched: boolean): Promise<void>;
}

/** A namespace that is held by a shim which never starts anything: it goes by itself when this process does. */
interface Sandbox {
  id: string;
  shim: PreparedProcess;
  bridge: Bridge;
  endpoints: readonly Endpoint[];
}

type Settings = Pick<BuildRequest, 'extraHosts' | 'resources'>;

/** One build's. */
export class BuildNetworks {
  readonly #engine: Engine;
  readonly #settings: Settings;
  readonly #idle: Sandbox[] = [];
  readonly #all = new Set<Sandbox>();

  constructor(engine: Engine, settings: Settings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** `mode` as in a container's host configuration. EngineErrors `not-found`, `conflict`. */
  async acquire(mode: string): Promise<StepNetwork> {
    const kind = networkKind(this.#engine, mode);
    if (kind === 'bridge') return await this.#onBridge(mode);
    const namespace = this.#withoutBridge(kind, mode);
    const release = async (): Promise<void> => undefined;
    return { namespace, ...(await this.#files(mode, kind, [])), release };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((sandbox) => this.#end(sandbox)));
  }

  #withoutBridge(kind: 'host' | 'none' | 'container', mode: string): NetworkNamespace {
    if (kind === 'host') return { kind: 'host' };
    if (kind === 'none') {
      const sysctls = networkSysctls(this.#record(mode), this.#engine.host);
      return { kind: 'new', setup: { inside: [raiseLink(loopback)], outside: [], sysctls } };
    }
    const owner = this.#engine.containers.resolve(joinedContainer(mode) ?? '');
    if (owner.process !== undefined) return { kind: 'path', path: `/proc/${owner.process.shimPid}/ns/net` };
    throw new EngineError('conflict', `cannot join network of a non running container: ${owner.id}`, {
      hint: `start it first: start ${owner.name}`,
    });
  }

  async #onBridge(mode: string): Promise<StepNetwork> {
    const bridge = this.#bridgeOf(mode);
    const index = this.#idle.findIndex((one) => one.bridge === bridge);
    const sandbox = this.#idle.splice(index, index === -1 ? 0 : 1)[0] ?? (await this.#begin(bridge, mode));
    return {
      namespace: { kind: 'path', path: `/proc/${sandbox.shim.shimPid}/ns/net` },
      ...(await this.#files(mode, 'bridge', sandbox.endpoints)),
      release: async (isTouched) => {
        if (isTouched) await this.#end(sandbox);
        else this.#idle.push(sandbox);
      },
    };
  }

  #bridgeOf(mode: string): Bridge {
    const { bridge, networks } = this.#engine;
    if (isDefaultMode(mode)) return bridge;
    const byName = networks.list().find(({ description }) => description.name === mode);
    const found = byName ?? networks.list().find(({ description }) => description.id.startsWith(mode));
    if (found !== undefined) return found;
    throw new EngineError('not-found', `network ${mode} not found`, {
      hint: 'list networks with: network ls',
    });
  }

  async #begin(bridge: Bridge, mode: string): Promise<Sandbox> {
    const { runtime, config, host } = this.#engine;
    const id = newId();
    const sysctls = networkSysctls(this.#record(mode), host);
    const part = await bridge.connect({ containerId: id, interfaceNumber: 0, ports: [], sysctls });
    try {
      const shim = await runtime.prepare({
        containerId: id,
        processId: id,
        kind: {
          kind: 'container',
          bundle: config.execRoot,
          network: { kind: 'new', setup: joinSetups([part]) },
        },
        runtime: runtimeProgram(config, host, ''),
        terminal: false,
        openStdin: false,
        stdinOnce: false,
      });
      await this.#engine.networks.serveInside(id, `/proc/${shim.shimPid}/ns/net`);
      const sandbox = { id, shim, bridge, endpoints: [part.endpoint] };
      this.#all.add(sandbox);
      return sandbox;
    } catch (error) {
      await bridge.disconnect(id);
      throw error;
    }
  }

  async #end(sandbox: Sandbox): Promise<void> {
    if (!this.#all.delete(sandbox)) return;
    await sandbox.shim.cancel();
    this.#engine.networks.silence(sandbox.id);
    await sandbox.bridge.disconnect(sandbox.id);
  }

  async #files(
    mode: string,
    kind: 'bridge' | 'host' | 'none' | 'container',
    endpoints: readonly Endpoint[],
  ): Promise<Pick<StepNetwork, 'hosts' | 'resolvConf'>> {
    const given = { record: this.#record(mode) };
    const [hosts, resolvConf] = await Promise.all([
      hostsContent(this.#engine, given, kind, endpoints),
      resolvConfContent(this.#engine, given, kind, endpoints),
    ]);
    return { hosts, resolvConf };
  }

  #record(mode: string): ReturnType<typeof stepRecord> {
    const { extraHosts, resources } = this.#settings;
    return stepRecord({
      id: '',
      args: [],
      env: [],
      user: '',
      workingDir: '/',
      isInsecure: false,
      networkMode: mode,
      extraHosts,
      resources,
    });
  }
}
