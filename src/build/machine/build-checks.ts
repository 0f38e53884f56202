/** The checks of a Dockerfile, as warnings beside a build, or as all that is asked for. */
import { hostPlatform, parsePlatform } from '../../oci/platform.ts';
import { ignoreMatcher } from '../../util/patterns/ignore.ts';
import type { Dockerfile } from '../dockerfile/ast.ts';
import { checkDockerfile } from '../dockerfile/checks/check-dockerfile.ts';
import type { BuildSession } from './build-session.ts';

/** Tells of what the checks find. True where nothing more is asked for; what the file's own directive makes an error is thrown. */
export async function reportChecks(session: BuildSession, dockerfile: Dockerfile): Promise<boolean> {
  const { request, progress } = session;
  const [first] = request.platforms;
  const { warnings, error } = checkDockerfile(dockerfile, {
    buildPlatform: hostPlatform(),
    targetPlatform: first === undefined ? hostPlatform() : parsePlatform(first),
    buildArgs: request.buildArgs,
    hasContext: (name) => request.namedContexts.has(name),
    ignore: ignoreMatcher(await session.contexts.ignorePatterns()),
    ...(request.target === undefined ? {} : { target: request.target }),
  });
  const vertex = progress.digestOf({
    name: `[internal] load build definition from ${request.dockerfileName}`,
  });
  for (const { rule, message, description, url, ranges } of warnings) {
    const [range] = ranges;
    progress.warning({
      vertex,
      rule,
      message,
      detail: description,
      url: url ?? '',
      fileName: dockerfile.name,
      lines: [range?.start.line ?? 0, range?.end.line ?? 0],
      source: Buffer.from(dockerfile.lines.join('\n')),
    });
  }
  if (error !== undefined) throw error;
  return request.checkOnly;
}
