/** What is done to a container that exists: start, stop, kill, wait, remove and their like. */

import { pauseContainer, unpauseContainer } from '../engine/pause.ts';
import { pruneContainers } from '../engine/prune.ts';
import { removeContainer } from '../engine/remove.ts';
import { renameContainer } from '../engine/rename.ts';
import { resizeContainer } from '../engine/resize.ts';
import { startContainer } from '../engine/start.ts';
import { killContainer, restartContainer, stopContainer } from '../engine/stop.ts';
import { topContainer } from '../engine/top.ts';
import { waitContainer } from '../engine/wait.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { ContainersPruneResponse, TopResponse, WaitResponse } from '../wire/container.ts';
import { Answer, type Call, param } from './call.ts';
import type { Query } from './query.ts';
import { openStream } from './stream-response.ts';

export async function postStart(call: Call): Promise<void> {
  const checkpoint = call.query.optional('checkpoint');
  const checkpointDirectory = call.query.optional('checkpoint-dir');
  await startContainer(call.engine, param(call, 'id'), {
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(checkpointDirectory === undefined ? {} : { checkpointDirectory }),
  });
}

export async function postStop(call: Call): Promise<void> {
  await stopContainer(call.engine, param(call, 'id'), graceOf(call.query));
}

export async function postRestart(call: Call): Promise<void> {
  await restartContainer(call.engine, param(call, 'id'), graceOf(call.query));
}

export async function postKill(call: Call): Promise<void> {
  await killContainer(call.engine, param(call, 'id'), call.query.optional('signal') ?? 'SIGKILL');
}

export async function postPause(call: Call): Promise<void> {
  await pauseContainer(call.engine, param(call, 'id'));
}

export async function postUnpause(call: Call): Promise<void> {
  await unpauseContainer(call.engine, param(call, 'id'));
}

export async function postRename(call: Call): Promise<void> {
  await renameContainer(call.engine, param(call, 'id'), call.query.text('name'));
}

export async function deleteContainer(call: Call): Promise<void> {
  await removeContainer(call.engine, param(call, 'id'), {
    force: call.query.boolean('force'),
    volumes: call.query.boolean('v'),
    link: call.query.boolean('link'),
  });
}

export async function postResize(call: Call): Promise<Answer> {
  await resizeContainer(call.engine, param(call, 'id'), sizeOf(call.query));
  return new Answer(200);
}

export async function getTop(call: Call): Promise<TopResponse> {
  const top = await topContainer(call.engine, param(call, 'id'), call.query.optional('ps_args') ?? '-ef');
  return { Titles: top.titles, Processes: top.processes };
}

export async function postPrune(call: Call): Promise<ContainersPruneResponse> {
  const pruned = await pruneContainers(call.engine, call.query.filters());
  return { ContainersDeleted: pruned.deleted, SpaceReclaimed: pruned.spaceReclaimed };
}

/** The headers go out as soon as the wait is in place: `docker run` starts the container only then. */
export async function postWait(call: Call): Promise<void> {
  const condition = conditionOf(call.query);
  const wait = waitContainer(call.engine, param(call, 'id'), condition, call.signal);
  /* Looked at below; without this a wait that fails before it is in place would count as unhandled. */
  wait.result.catch(() => undefined);
  await wait.registered;
  openStream(call, 'application/json');
  const body = await wait.result.then(encodeResult, encodeFailure);
  call.response.end(`${JSON.stringify(body)}\n`);
}

function encodeResult(result: { exitCode: number; error?: string | undefined }): WaitResponse {
  const error = result.error === undefined || result.error === '' ? {} : { Error: { Message: result.error } };
  return { StatusCode: result.exitCode, ...error };
}

function encodeFailure(error: unknown): WaitResponse {
  return { StatusCode: -1, Error: { Message: error instanceof Error ? error.message : String(error) } };
}

function conditionOf(query: Query): 'not-running' | 'next-exit' | 'removed' {
  const condition = query.text('condition') || 'not-running';
  if (condition === 'not-running' || condition === 'next-exit' || condition === 'removed') return condition;
  throw new EngineError('invalid-argument', `invalid condition: "${condition}"`, {
    hint: 'it must be one of not-running, next-exit, removed',
  });
}

/** `t`, seconds (-1 for no limit), and `signal`. */
function graceOf(query: Query): { timeoutSeconds?: number; signal?: string } {
  const timeoutSeconds = query.integer('t');
  const signal = query.optional('signal');
  return {
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** `h` and `w`, character cells. */
export function sizeOf(query: Query): { columns: number; rows: number } {
  const rows = query.integer('h');
  const columns = query.integer('w');
  if (rows === undefined || columns === undefined || rows < 0 || columns < 0) {
    throw new EngineError('invalid-argument', 'invalid resize: h and w must be given as whole numbers');
  }
  return { columns, rows };
}
