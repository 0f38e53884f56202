/** The parts of an engine that lists, volumes and mounts read, over a database of a test's own; images and networks as told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pino from 'pino';
import { AbsentBridge } from '../../src/engine/absent-bridge.ts';
import { parseContainerRecord } from '../../src/engine/container-record.ts';
import { type Container, ContainerTable } from '../../src/engine/container-table.ts';
import { EventBus } from '../../src/engine/events.ts';
import type { ContainerRecord, EngineEvent } from '../../src/engine/model.ts';
import type { Sizes } from '../../src/engine/sizes/sizes-types.ts';
import { TreeSizes } from '../../src/engine/sizes/tree-sizes.ts';
import { TreeWalk } from '../../src/engine/sizes/tree-walk.ts';
import type { Image } from '../../src/images/image-types.ts';
import type { Endpoint, NetworkSet } from '../../src/network/network-types.ts';
import { Database } from '../../src/store/database.ts';
import { parseVolume } from '../../src/volumes/volume-record.ts';
import { VolumeService } from '../../src/volumes/volume-service.ts';
import { type Changes, containerRecord } from './spec-input.ts';

/** A bridge that has the endpoints it is given, and makes none. */
class GivenBridge extends AbsentBridge {
  override readonly description = {
    id: 'b'.repeat(64),
    name: 'bridge',
    driver: 'bridge' as const,
    createdAt: 1,
    internal: false,
    attachable: false,
    enableIpv6: false,
    hasUserSubnet: false,
    ipam: { options: null, pools: [{ subnet: '10.9.0.0/16', gateway: '10.9.0.1' }] },
    options: {},
    labels: {},
  };
  readonly given = new Map<string, Endpoint>();

  override endpoint(id?: string): Endpoint | undefined {
    return this.given.get(id ?? '');
  }

  override endpoints(): Endpoint[] {
    return [...this.given.values()];
  }
}

export interface EngineParts {
  directory: string;
  id: string;
  log: pino.Logger;
  config: { bridge: string; dataRoot: string; execRoot: string };
  database: Database;
  containers: ContainerTable;
  volumes: VolumeService;
  sizes: Sizes;
  events: EventBus;
  bridge: GivenBridge;
  networks: NetworkSet;
  images: { find(name: string): Image | undefined; get(name: string): Image; list(): Image[] };
  add(record: Partial<ContainerRecord> & { id: string }, changes?: Changes): Container;
  /** `TYPE ACTION ACTOR` of all events so far. */
  told(): Promise<string[]>;
}

export async function engineParts(context: TestContext, images: readonly Image[] = []): Promise<EngineParts> {
  const directory = mkdtempSync(join(tmpdir(), 'engine-'));
  const database = Database.open(join(directory, 'db.sqlite'));
  context.after(() => {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const containers = new ContainerTable(database.collection('containers', parseContainerRecord));
  const events = new EventBus();
  const find = (name: string): Image | undefined =>
    images.find(
      (image) => image.id === name || image.repoTags.some((tag) => tag === name || tag === `${name}:latest`),
    );
  const get = (name: string): Image => {
    const image = find(name);
    if (image === undefined) throw new Error(`no image ${name}`);
    return image;
  };
  const bridge = new GivenBridge();
  return {
    directory,
    id: 'e'.repeat(64),
    log: pino({ level: 'silent' }),
    config: { bridge: 'test0', dataRoot: directory, execRoot: directory },
    database,
    containers,
    volumes: await VolumeService.open(
      join(directory, 'volumes'),
      database.collection('volumes', parseVolume),
    ),
    sizes: {
      trees: new TreeSizes({ measure: async (path) => walked(path) }),
      quotas: { uses: async (directories) => directories.map(() => undefined) },
    },
    events,
    bridge,
    networks: onlyDefault(bridge),
    images: { find, get, list: () => [...images] },
    add: (change, changes) => {
      const record = {
        ...containerRecord(['sh', '-c', 'sleep 1'], changes),
        name: change.id.slice(0, 6),
        ...change,
      };
      containers.reserveName(record.name, record.id);
      return containers.add(record);
    },
    told: () => toldBy(events),
  };
}

/** Bytes of the files below `path`. */
export function walked(path: string): number {
  const walk = new TreeWalk(path);
  while (walk.advance(1000));
  return walk.total;
}

/** No networks but the default one. */
function onlyDefault(bridge: GivenBridge): NetworkSet {
  const none = (): Promise<never> => Promise.reject(new Error('no such network here'));
  return {
    defaultBridge: bridge,
    list: () => [bridge],
    get: (id) => (id === bridge.description.id ? bridge : undefined),
    endpointsOf: (id) => bridge.endpoints().filter((one) => one.containerId === id),
    create: none,
    remove: none,
    movePorts: none,
    rename: () => undefined,
    silence: () => undefined,
    serveInside: none,
    reconcile: none,
    mendFirewall: none,
    close: none,
    destroy: none,
  };
}

async function toldBy(events: EventBus): Promise<string[]> {
  const stop = new AbortController();
  const all: AsyncIterable<EngineEvent> = events.subscribe({ since: '1' }, stop.signal);
  stop.abort();
  const told: string[] = [];
  for await (const { type, action, actorId } of all) told.push(`${type} ${action} ${actorId}`);
  return told;
}

/** An ID that begins with `start`. */
export function testId(start: string): string {
  return start.padEnd(64, '0');
}

export function testImage(name: string, change: Partial<Image> = {}): Image {
  return {
    id: `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64)}`,
    config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
    chainIds: [`sha256:${name}`],
    size: 1000,
    repoTags: [`${name}:latest`],
    repoDigests: [],
    lastTaggedAt: 0,
    ...change,
  };
}
