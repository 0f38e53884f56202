/** `POST /commit`. */
import { commitContainer } from '../engine/commit.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { CommitResponse } from '../wire/container.ts';
import { Answer, type Call, jsonBody } from './call.ts';
import { decodeContainerConfig } from './container-config.ts';

/** The body is a configuration in place of the container's own, or null. */
export async function postCommit(call: Call): Promise<Answer> {
  const { query } = call;
  const fields = await jsonBody(call);
  if (query.text('container') === '') {
    throw new EngineError('invalid-argument', 'invalid name or ID supplied: ""', {
      hint: 'name the container in the query',
    });
  }
  const repo = query.text('repo');
  const tag = query.text('tag');
  const image = await commitContainer(
    call.engine,
    {
      container: query.text('container'),
      changes: query.all('changes'),
      pause: query.boolean('pause', true),
      author: query.text('author'),
      comment: query.text('comment'),
      ...(fields === undefined ? {} : { config: decodeContainerConfig(fields) }),
      ...(repo === '' ? {} : { reference: tag === '' ? repo : `${repo}:${tag}` }),
    },
    call.signal,
  );
  const body: CommitResponse = { Id: image.id };
  return new Answer(201, body);
}
