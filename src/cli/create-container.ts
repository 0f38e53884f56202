/** Creates a container, and pulls its image first where it isn't here. */
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { ContainerCreateRequest, ContainerCreateResponse } from '../wire/container.ts';
import type { Context } from './context.ts';
import type { FlagValues } from './flags/flag.ts';
import { familiarWithTag, type ImageName, parseImageName } from './image-name.ts';
import type { ContainerFlags, imageFlags } from './run-config/container-flags.ts';
import { createRequest } from './run-config/create-request.ts';
import { fileError } from './run-config/variables.ts';
import { platformOr, withProxies } from './user-defaults.ts';

export type CreateFlags = ContainerFlags & FlagValues<typeof imageFlags>;

export interface CreatedContainer {
  id: string;
  request: ContainerCreateRequest;
  /** Milliseconds that each took; undefined where nothing was pulled. */
  pullMs: number | undefined;
  createMs: number;
}

/** The request that the flags ask for. EngineError `invalid-argument` in docker's words for what is wrong with them. */
export function prepareRequest(
  context: Context,
  flags: CreateFlags,
  image: string,
  command: readonly string[],
): ContainerCreateRequest {
  if (!['always', 'missing', 'never', ''].includes(flags.pull)) {
    const message = `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`;
    throw new EngineError('invalid-argument', message);
  }
  const proxies = context.userConfig.proxies(context.client.endpoint.label);
  return createRequest({ ...flags, env: withProxies(flags.env, proxies) }, image, command);
}

/** Pulls as `--pull` says, creates, writes `--cidfile`, and shows the daemon's warnings. */
export async function createContainer(
  context: Context,
  flags: CreateFlags,
  image: string,
  request: ContainerCreateRequest,
): Promise<CreatedContainer> {
  if (!isImageId(image)) parseImageName(image);
  const idFile = flags.cidfile === '' ? undefined : reserveIdFile(flags.cidfile);
  try {
    const created = await createAndPull(context, flags, image, request);
    idFile?.write(created.id);
    return { ...created, request };
  } catch (error) {
    idFile?.discard();
    throw error;
  }
}

/** An ID in full can't be pulled, and is no name. */
function isImageId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image);
}

async function createAndPull(
  context: Context,
  flags: CreateFlags,
  image: string,
  request: ContainerCreateRequest,
) {
  let pullMs: number | undefined;
  const pull = async (): Promise<void> => {
    const begin = performance.now();
    // Most images are here already: what a pull needs is loaded when it is needed.
    const { pullImage } = await import('./pull-image.ts');
    await pullImage(context, parseImageName(image), context.io.stderr, {
      platform: platformOr(context.io.env, flags.platform),
      quiet: flags.quiet,
    });
    pullMs = performance.now() - begin;
  };
  if (flags.pull === 'always') await pull();
  const begin = performance.now();
  let response: ContainerCreateResponse;
  try {
    response = await postCreate(context, flags, request);
  } catch (error) {
    const name = imageNameIfMissing(error, image);
    if (name === undefined || flags.pull === 'never' || flags.pull === 'always') throw error;
    if (!flags.quiet) context.io.stderr.write(`Unable to find image '${familiarWithTag(name)}' locally\n`);
    await pull();
    response = await postCreate(context, flags, request);
  }
  for (const warning of response.Warnings ?? []) context.io.stderr.write(`WARNING: ${warning}\n`);
  return { id: response.Id, pullMs, createMs: performance.now() - begin - (pullMs ?? 0) };
}

function postCreate(
  context: Context,
  flags: CreateFlags,
  request: ContainerCreateRequest,
): Promise<ContainerCreateResponse> {
  const query = { name: flags.name, platform: platformOr(context.io.env, flags.platform) };
  return context.client.call('POST', '/containers/create', { query, json: request });
}

/** The image's name, if that is what the daemon doesn't have. */
function imageNameIfMissing(error: unknown, image: string): ImageName | undefined {
  if (!isEngineError(error, 'not-found') || !/image/i.test(error.message)) return undefined;
  return isImageId(image) ? undefined : parseImageName(image);
}

/** `--cidfile`: made before the container, so that two runs don't take the same one. */
function reserveIdFile(path: string): { write: (id: string) => void; discard: () => void } {
  if (existsSync(path)) {
    const message = `container ID file found, make sure the other container isn't running or delete ${path}`;
    throw new EngineError('conflict', message);
  }
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o644);
  } catch (error) {
    throw new EngineError(
      'invalid-argument',
      `failed to create the container ID file: ${fileError('open', path, error).message}`,
      {
        cause: error,
      },
    );
  }
  return {
    write: (id) => {
      writeSync(descriptor, id);
      closeSync(descriptor);
    },
    discard: () => {
      closeSync(descriptor);
      rmSync(path, { force: true });
    },
  };
}
