/** The service `LLBBridge`: clients lead their builds themselves, as far as choosing what the frontend is to do. */
import { EngineError } from '../../errors/engine-error.ts';
import { Empty } from '../../wire/buildkit/common-messages.ts';
import {
  FrontendSolveRequest,
  FrontendSolveResponse,
  PongResponse,
  RefRequest,
  ReturnRequest,
} from '../../wire/buildkit/gateway-messages.ts';
import type { ValueOf } from '../../wire/buildkit/protobuf.ts';
import { answerCheck, checkRequest } from './build-check.ts';
import { definitionOf } from './build-inputs.ts';
import type { BuildJob } from './build-job.ts';
import type { BuildService } from './build-service.ts';
import { type GrpcCall, type GrpcMethods, unary } from './grpc-server.ts';
import { StatusError } from './grpc-status.ts';
import { workerRecord } from './worker-record.ts';

const service = '/moby.buildkit.v1.frontend.LLBBridge';

/** What a client may ask of this service (frontend/gateway/pb/caps.go). */
const frontendCaps = [
  'solve.base',
  'solve.inlinereturn',
  'return',
  'returnmap',
  'proto.refarray',
  'reference.output',
  'importcaches',
  'frontend.inputs',
  'frontend.caps',
  'gateway.solve.metadata',
  'gateway.evaluate',
  'gateway.warnings',
];

/** What builds can do, by the names of a graph's parts (solver/pb/caps.go), of which clients look at these. */
const graphCaps = [
  'source.image',
  'source.image.resolvemode',
  'source.local',
  'source.local.unique',
  'source.local.sessionid',
  'source.local.includepatterns',
  'source.local.followpaths',
  'source.local.excludepatterns',
  'source.local.sharedkeyhint',
  'source.git',
  'source.http',
  'source.ocilayout',
  'constraints',
  'platform',
  'meta.ignorecache',
  'meta.description',
  'meta.exportcache',
  'exporter.image.annotations',
  'exporter.sourcedateepoch',
  'exporter.multiple',
  'gc.freespacefilter',
];

/** Known frontends: the second is `# syntax=` and its kind, of which the language here is always the newest. */
const frontends = ['dockerfile.v0', 'gateway.v0'];

export function bridgeMethods(build: BuildService): GrpcMethods {
  const caps = (ids: readonly string[]): Array<{ id: string; enabled: boolean }> =>
    ids.map((id) => ({ id, enabled: true }));
  return {
    [`${service}/Ping`]: unary(Empty, PongResponse, () => ({
      frontendApiCaps: caps(frontendCaps),
      llbCaps: caps(graphCaps),
      workers: [workerRecord(build.engine)],
    })),
    [`${service}/Solve`]: unary(FrontendSolveRequest, FrontendSolveResponse, async (work, call) =>
      solveFrontend(build, await jobOf(build, call), work),
    ),
    [`${service}/Return`]: unary(ReturnRequest, Empty, async (request, call) => {
      choose(await jobOf(build, call), request);
      return {};
    }),
    [`${service}/Evaluate`]: unary(RefRequest, Empty, async () => ({})),
    [`${service}/Warn`]: unary(Empty, Empty, () => ({})),
  };
}

/** By the header that says which build a call is about. */
async function jobOf(build: BuildService, call: GrpcCall): Promise<BuildJob> {
  const ref = call.headers['buildkit-controlapi-buildid'];
  if (typeof ref !== 'string') throw new EngineError('invalid-argument', 'the call names no build');
  return await build.jobs.get(ref, call.signal);
}

async function solveFrontend(
  build: BuildService,
  job: BuildJob,
  work: ValueOf<typeof FrontendSolveRequest>,
): Promise<Partial<ValueOf<typeof FrontendSolveResponse>>> {
  if (!frontends.includes(work.frontend)) {
    const what = work.frontend === '' ? 'a graph of its own' : `the frontend ${work.frontend}`;
    throw new EngineError('not-implemented', `${what} can't be built: only Dockerfiles are`);
  }
  const question = work.frontendOpt.get('requestid');
  if (question !== undefined && question !== checkRequest) {
    throw new EngineError('not-implemented', `unsupported request ${question}`);
  }
  const metadata = question === undefined ? new Map() : await answerCheck(build, job, work);
  const id = job.add(work);
  return { result: { ref: { id, def: definitionOf(id) }, refs: undefined, metadata } };
}

/** The build's result, or its error: the client has done its part. */
function choose(job: BuildJob, { result, error }: ValueOf<typeof ReturnRequest>): void {
  if (error !== undefined && error.code !== 0) job.chosen.reject(new StatusError(error));
  else job.chosen.resolve(job.work(result?.ref?.id ?? firstOf(result?.refs?.refs)));
}

function firstOf(refs: ReadonlyMap<string, { id: string }> | undefined): string {
  for (const { id } of refs?.values() ?? []) return id;
  return '';
}
