/** Builds of a test's own: a builder over a test's engine, requests with everything at its default, and what a build told. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  BuildContext,
  BuildEvent,
  Builder,
  BuildRequest,
  BuildResult,
  BuildVertex,
} from '../../src/build/build-types.ts';
import { createBuilder } from '../../src/build/create-builder.ts';
import type { Image } from '../../src/images/image-types.ts';
import { TestEngine } from './engine.ts';

/** A directory as a context. */
export function directoryContext(root: string): BuildContext {
  return {
    sync: async () => ({ root, release: async () => undefined }),
    readFile: async (path) => {
      try {
        return readFileSync(join(root, path));
      } catch {
        return undefined;
      }
    },
  };
}

export interface Told {
  result: BuildResult;
  events: BuildEvent[];
  /** Steps at their end, by name. */
  steps: Map<string, BuildVertex>;
  /** All output of all steps. */
  output: string;
}

let counter = 0;

/** Builds the directory's Dockerfile, everything else being at its default. */
export function buildRequest(context: string, change: Partial<BuildRequest> = {}): BuildRequest {
  counter += 1;
  return {
    id: `build-${counter}`,
    context: directoryContext(context),
    dockerfileName: 'Dockerfile',
    namedContexts: new Map(),
    secrets: {
      secret: async () => undefined,
      ssh: async () => undefined,
      credentials: async () => undefined,
    },
    buildArgs: new Map(),
    labels: new Map(),
    platforms: [],
    noCache: false,
    pull: false,
    networkMode: 'none',
    extraHosts: [],
    resources: {
      memory: 0,
      memorySwap: 0,
      cpuShares: 0,
      cpuPeriod: 0,
      cpuQuota: 0,
      cpusetCpus: '',
      cpusetMems: '',
      shmSize: 0,
      ulimits: [],
      cgroupParent: '',
    },
    entitlements: new Set(),
    outputs: [{ kind: 'image', names: ['built'], push: false, isInsecure: false, annotations: {} }],
    cacheFrom: [],
    cacheTo: [],
    checkOnly: false,
    squash: false,
    keepFailed: false,
    onEvent: () => undefined,
    ...change,
  };
}

export class TestBuilder {
  readonly test: TestEngine;
  builder: Builder;
  readonly context = mkdtempSync(join(tmpdir(), 'gantry-context-'));

  private constructor(test: TestEngine, builder: Builder) {
    this.test = test;
    this.builder = builder;
  }

  static async start(): Promise<TestBuilder> {
    const test = await TestEngine.start();
    return new TestBuilder(test, await createBuilder(test.engine));
  }

  async reopen(between?: () => Promise<void>): Promise<void> {
    await this.builder.close();
    await this.test.reopen(between);
    this.builder = await createBuilder(this.test.engine);
  }

  async close(): Promise<void> {
    await this.builder.close();
    await this.test.close();
    rmSync(this.context, { recursive: true, force: true });
  }

  write(path: string, content: string): void {
    const full = join(this.context, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
  }

  request(dockerfile: string, change: Partial<BuildRequest> = {}): BuildRequest {
    this.write('Dockerfile', dockerfile);
    return buildRequest(this.context, change);
  }

  async build(
    dockerfile: string,
    change: Partial<BuildRequest> = {},
    signal = new AbortController().signal,
  ): Promise<Told> {
    const events: BuildEvent[] = [];
    const request = this.request(dockerfile, { ...change, onEvent: (event) => void events.push(event) });
    const result = await this.builder.build(request, signal);
    return { result, events, ...toldBy(events) };
  }

  image(name = 'built'): Image {
    return this.test.engine.images.get(name);
  }

  /** What a command says in a container of the image. */
  async run(command: readonly string[], image = 'built'): Promise<string> {
    const id = await this.test.create(command, { config: { image } });
    return await this.test.output(id);
  }
}

export function toldBy(events: readonly BuildEvent[]): Pick<Told, 'steps' | 'output'> {
  const steps = new Map<string, BuildVertex>();
  let output = '';
  for (const event of events) {
    if (event.kind === 'vertex' && event.vertex.completedAt !== undefined)
      steps.set(event.vertex.name, event.vertex);
    if (event.kind === 'log') output += event.data.toString();
  }
  return { steps, output };
}
