/** `--call check`: a Dockerfile's warnings, as BuildKit's subrequest `frontend.lint` answers them. */
import { isEngineError } from '../../errors/engine-error.ts';
import type { FrontendSolveRequest } from '../../wire/buildkit/gateway-messages.ts';
import type { BuildJob } from './build-job.ts';
import { rangeOf } from './build-log.ts';
import { type BuildService, runBuild } from './build-service.ts';
import { StatusError } from './grpc-status.ts';

export const checkRequest = 'frontend.lint';

/** Of the answer's form. */
const version = '1.0.0';

/** The result's metadata. */
export async function answerCheck(
  service: BuildService,
  job: BuildJob,
  work: FrontendSolveRequest,
): Promise<Map<string, Buffer>> {
  const before = job.log.warnings.length;
  let failure: SourceFailure | undefined;
  try {
    await runBuild(service, job, work, true);
  } catch (error) {
    failure = sourceFailure(error);
    if (failure === undefined) throw error;
  }
  const warnings = job.log.warnings.slice(before);
  const sources = warnings.slice(0, 1).map(({ fileName, source }) => sourceOf(fileName, source));
  if (failure !== undefined && sources.length === 0) sources.push(failure.info);
  const result = {
    warnings: warnings.map((warning) => ({
      ruleName: warning.rule,
      description: warning.detail,
      url: warning.url,
      detail: warning.message,
      location: { ranges: [rangeOf(warning.lines)] },
    })),
    sources,
    ...(failure === undefined
      ? {}
      : { buildError: { message: failure.message, location: { ranges: failure.ranges } } }),
  };
  const isClean = warnings.length === 0 && failure === undefined;
  const text = warnings.map(({ rule, message }) => `\nWARNING: ${rule}\n${message}\n`).join('');
  return new Map(
    Object.entries({
      'result.json': JSON.stringify(result, undefined, 2),
      'result.txt': text,
      'result.statuscode': isClean ? '0' : '1',
      version,
    }).map(([key, value]) => [key, Buffer.from(value)]),
  );
}

function sourceOf(filename: string, data: Buffer): { filename: string; data: string; language: string } {
  return { filename, data: data.toString('base64'), language: 'Dockerfile' };
}

interface SourceFailure {
  message: string;
  info: ReturnType<typeof sourceOf>;
  ranges: unknown;
}

/** An error that has a place in the Dockerfile is a finding, too. */
function sourceFailure(error: unknown): SourceFailure | undefined {
  if (!(error instanceof StatusError) || isEngineError(error.cause, 'cancelled')) return undefined;
  const detail = error.callStatus.details.find((one) => one.typeUrl.endsWith('.Source+json'));
  if (detail === undefined) return undefined;
  const { info, ranges } = JSON.parse(detail.value.toString('utf8'));
  return { message: error.message, info, ranges };
}
