/** `/containers/{id}/checkpoints`. */
import { createCheckpoint, listCheckpoints, removeCheckpoint } from '../engine/checkpoint.ts';
import { Answer, type Call, param, requiredJsonBody } from './call.ts';

export async function postCheckpoint(call: Call): Promise<Answer> {
  const fields = await requiredJsonBody(call);
  const directory = fields.string('CheckpointDir');
  await createCheckpoint(call.engine, param(call, 'id'), {
    name: fields.string('CheckpointID'),
    exit: fields.boolean('Exit'),
    ...(directory === '' ? {} : { directory }),
  });
  return new Answer(201);
}

export async function getCheckpoints(call: Call): Promise<Array<{ Name: string }>> {
  const names = await listCheckpoints(call.engine, param(call, 'id'), call.query.optional('dir'));
  return names.map((name) => ({ Name: name }));
}

export async function deleteCheckpoint(call: Call): Promise<void> {
  const name = param(call, 'checkpoint');
  await removeCheckpoint(call.engine, param(call, 'id'), name, call.query.optional('dir'));
}
