/** Builds that stand on others of the same client (`bake` with `target:`): the graph that stands for a build, and what it stands for. */
import { EngineError } from '../../errors/engine-error.ts';
import {
  type FrontendSolveRequest,
  type OpaqueDefinition,
  OpaqueOperation,
} from '../../wire/buildkit/gateway-messages.ts';
import type { ValueOf } from '../../wire/buildkit/protobuf.ts';
import { type BuildJobs, buildScheme, digestOf } from './build-job.ts';

/** A graph of one source and the operation that returns it, which clients hand on without looking into it. */
export function definitionOf(ref: string): ValueOf<typeof OpaqueDefinition> {
  const source = OpaqueOperation.encode({ source: { identifier: `${buildScheme}${ref}` } });
  const last = OpaqueOperation.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  return { def: [source, last], metadata: new Map([source, last].map((bytes) => [digestOf(bytes), {}])) };
}

/** The image of the build that an input stands for, once that has ended well. EngineError `not-implemented` for any other graph. */
export async function imageOfInput(
  jobs: BuildJobs,
  work: FrontendSolveRequest,
  name: string,
): Promise<string> {
  const operations = (work.frontendInputs.get(name)?.def ?? []).map((bytes) => OpaqueOperation.decode(bytes));
  const identifier = operations
    .map((one) => one.source?.identifier ?? '')
    .find((one) => one.startsWith(buildScheme));
  if (identifier === undefined) {
    throw new EngineError(
      'not-implemented',
      `the input ${name} is a graph that was not made by a build here`,
    );
  }
  const owner = jobs.owner(identifier.slice(buildScheme.length));
  if (owner === undefined)
    throw new EngineError('failed-precondition', `the build of ${name} has ended already`);
  const { imageId } = await owner.result.promise;
  if (imageId === undefined) {
    throw new EngineError('failed-precondition', `the build that ${name} comes from has made no image`, {
      hint: 'give its target an output of type image',
    });
  }
  return imageId;
}
