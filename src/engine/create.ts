/** Making a container: everything checked first, then made, then recorded; or nothing of it stays. */
import { mkdir, rm } from 'node:fs/promises';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { Image } from '../images/image-types.ts';
import { Undo } from '../util/undo.ts';
import { completeRequest } from './create-complete.ts';
import { findImage } from './create-image.ts';
import type { CreateRequest } from './create-request.ts';
import { validateCreate } from './create-validate.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { dropImages, keepImages } from './image-mounts.ts';
import type { ContainerConfig, ContainerRecord, HostConfig } from './model.ts';
import { resolveMounts } from './mounts.ts';
import { checkContainerName, newId, reserveGeneratedName } from './names.ts';
import { completeEndpoints } from './networks-of-container.ts';
import { containerFiles } from './paths.ts';
import { populateVolumes } from './populate-volumes.ts';
import { processOf } from './process-args.ts';
import { layerLimit } from './storage-options.ts';

export interface CreatedContainer {
  id: string;
  warnings: string[];
}

/**
 * Durable when it resolves. EngineErrors in Docker's words: `not-found` "No such image: X", `conflict` for a name that is taken,
 * `invalid-argument` for whatever makes no sense.
 */
export async function createContainer(engine: Engine, request: CreateRequest): Promise<CreatedContainer> {
  const id = newId();
  const { image, warnings: imageWarnings } = findImage(engine, request.config.image, request.platform);
  const undo = new Undo();
  try {
    const { config, hostConfig } = completeRequest(engine, id, image, request);
    const warnings = validateCreate(engine, request, { config, hostConfig });
    const name = reserveName(engine, id, request.name);
    undo.add(() => engine.containers.releaseName(name, id));
    const endpointConfigs = completeEndpoints(engine, request.endpointConfigs);
    const record = newRecord({ id, name, image, config, hostConfig, endpointConfigs });
    await makeContainer(engine, record, image, undo);
    return { id, warnings: [...imageWarnings, ...warnings] };
  } catch (error) {
    await undo.run((err) => engine.log.error({ err, container: id }, 'could not undo all of a creation'));
    throw besideImage(error);
  }
}

/** "Not found" tells clients to pull the image, which is there: what else is missing is a fault of the request, as in Docker. */
function besideImage(error: unknown): unknown {
  if (!isEngineError(error, 'not-found')) return error;
  const { message, hint } = error;
  return new EngineError('invalid-argument', message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function reserveName(engine: Engine, id: string, wanted: string | undefined): string {
  if (wanted === undefined || wanted === '') return reserveGeneratedName(engine.containers, id);
  const name = wanted.replace(/^\//, '');
  checkContainerName(name);
  engine.containers.reserveName(name, id);
  return name;
}

interface NewRecord {
  id: string;
  name: string;
  image: Image;
  config: ContainerConfig;
  hostConfig: HostConfig;
  endpointConfigs: ContainerRecord['endpointConfigs'];
}

function newRecord({ id, name, image, config, hostConfig, endpointConfigs }: NewRecord): ContainerRecord {
  return {
    id,
    name,
    createdAt: Date.now(),
    imageId: image.id,
    ...processOf(config),
    config,
    hostConfig,
    endpointConfigs,
    mounts: [],
    state: { status: 'created' },
    restartCount: 0,
    stoppedByUser: false,
    platform: image.config.os,
  };
}

/** The record comes last: what is on disk without one, start-up takes away. */
async function makeContainer(
  engine: Engine,
  record: ContainerRecord,
  image: Image,
  undo: Undo,
): Promise<void> {
  const { id } = record;
  const { directory } = containerFiles(engine.config, id);
  const volumes = await resolveMounts(engine, { containerId: id, ...record });
  undo.add(() => volumes.rollBack());
  undo.add(() => rm(directory, { recursive: true, force: true }));
  await mkdir(directory, { recursive: true, mode: 0o710 });
  undo.add(() => engine.snapshots.remove(id));
  await engine.snapshots.create(id, image.chainIds);
  const limit = layerLimit(record.hostConfig.storageOpt);
  if (limit > 0) await engine.snapshots.limit(id, limit);
  undo.add(() => dropImages(engine, id));
  const mounts = await keepImages(engine, id, volumes.mounts);
  await populateVolumes(engine, id, mounts);
  const container = engine.containers.add({ ...record, mounts });
  volumes.release();
  publishContainerEvent(engine.events, container.record, 'create');
}
