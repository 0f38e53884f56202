/** `/exec` and `POST /containers/{id}/exec`: processes started in a running container. */
import type { AttachSession } from '../engine/attach-session.ts';
import { parseDetachKeys } from '../engine/detach-keys.ts';
import type { Engine } from '../engine/engine.ts';
import { createExec, inspectExec, startExec } from '../engine/exec.ts';
import type { ExecConfig } from '../engine/model.ts';
import { resizeExec } from '../engine/resize.ts';
import type { ExecCreateResponse, ExecInspect } from '../wire/exec.ts';
import { Answer, type Call, jsonBody, param, requiredJsonBody } from './call.ts';
import { sizeOf } from './container-actions.ts';
import { serveSession } from './container-attach.ts';
import type { Fields } from './fields.ts';

export async function postExecCreate(call: Call): Promise<Answer> {
  const config = decodeExecConfig(await requiredJsonBody(call));
  const body: ExecCreateResponse = { Id: await createExec(call.engine, param(call, 'id'), config) };
  return new Answer(201, body);
}

/** Starts the exec; undefined where it is to run detached. */
export function openExec(
  engine: Engine,
  id: string,
  body: Fields | undefined,
): Promise<AttachSession | undefined> {
  const consoleSize = body?.pair('ConsoleSize');
  return startExec(engine, id, {
    detach: body?.boolean('Detach') ?? false,
    tty: body?.boolean('Tty') ?? false,
    ...(consoleSize === undefined ? {} : { consoleSize }),
  });
}

export async function postExecStart(call: Call): Promise<Answer | undefined> {
  const session = await openExec(call.engine, param(call, 'id'), await jsonBody(call));
  if (session === undefined) return new Answer(200);
  await serveSession(call, session);
  return undefined;
}

export async function postExecResize(call: Call): Promise<Answer> {
  await resizeExec(call.engine, param(call, 'id'), sizeOf(call.query));
  return new Answer(200);
}

export function getExec(call: Call): ExecInspect {
  const exec = inspectExec(call.engine, param(call, 'id'));
  const { config } = exec;
  return {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: config.tty,
      entrypoint: config.cmd[0] ?? '',
      arguments: config.cmd.slice(1),
      privileged: config.privileged,
      ...(config.user === '' ? {} : { user: config.user }),
    },
    OpenStdin: config.attachStdin,
    OpenStderr: config.attachStderr,
    OpenStdout: config.attachStdout,
    CanRemove: exec.canRemove,
    ContainerID: exec.containerId,
    DetachKeys: config.detachKeys === undefined ? '' : encodeKeys(config.detachKeys),
    Pid: exec.pid,
  };
}

/** Docker shows the bytes that the keys send, in base64. */
function encodeKeys(keys: string): string {
  return Buffer.from(parseDetachKeys(keys)).toString('base64');
}

function decodeExecConfig(fields: Fields): ExecConfig {
  const detachKeys = fields.string('DetachKeys');
  const consoleSize = fields.pair('ConsoleSize');
  return {
    attachStdin: fields.boolean('AttachStdin'),
    attachStdout: fields.boolean('AttachStdout'),
    attachStderr: fields.boolean('AttachStderr'),
    tty: fields.boolean('Tty'),
    env: fields.strings('Env'),
    cmd: fields.words('Cmd') ?? [],
    privileged: fields.boolean('Privileged'),
    user: fields.string('User'),
    workingDir: fields.string('WorkingDir'),
    ...(detachKeys === '' ? {} : { detachKeys }),
    ...(consoleSize === undefined ? {} : { consoleSize }),
  };
}
