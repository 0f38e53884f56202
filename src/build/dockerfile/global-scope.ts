/** The variables that FROM sees: the platform's arguments and every ARG above the first FROM. */
import type { Dockerfile, SourceRange } from './ast.ts';
import { locating, type SourceText } from './errors.ts';
import { type BuildTarget, isBuilderArg, isProxyArg, platformArgs } from './predefined-args.ts';
import { type Expansion, expand } from './words.ts';

export interface GlobalScope {
  source: SourceText;
  escape: string;
  /** The values given from outside (`--build-arg`). */
  buildArgs: ReadonlyMap<string, string>;
  values: ReadonlyMap<string, string>;
  /** Everything an ARG above the first FROM names, and the platform's arguments. */
  declared: ReadonlySet<string>;
}

export interface GlobalScopeOptions extends BuildTarget {
  buildArgs?: ReadonlyMap<string, string>;
}

/** DockerfileError where a default can't be expanded (`ARG A=${B:?no B}`). */
export function globalScope(dockerfile: Dockerfile, options: GlobalScopeOptions): GlobalScope {
  const buildArgs = options.buildArgs ?? new Map<string, string>();
  const values = platformArgs(options);
  for (const name of values.keys()) {
    const given = buildArgs.get(name);
    if (given !== undefined) values.set(name, given);
  }
  const declared = new Set(values.keys());
  for (const instruction of dockerfile.globalArgs) {
    for (const { name, value } of instruction.args) {
      declared.add(name);
      const place = { source: dockerfile, range: instruction.range, instruction: 'ARG' };
      const given = buildArgs.get(name);
      const result =
        given ?? locating(place, () => expandGlobal(value, values, dockerfile.directives.escape));
      if (result !== undefined) values.set(name, result);
    }
  }
  return { source: dockerfile, escape: dockerfile.directives.escape, buildArgs, values, declared };
}

function expandGlobal(
  value: string | undefined,
  values: ReadonlyMap<string, string>,
  mark: string,
): string | undefined {
  return value === undefined ? undefined : expand(value, (name) => values.get(name), { escape: mark }).text;
}

/** A text of FROM. DockerfileError at `range`. */
export function expandInFrom(scope: GlobalScope, text: string, range: SourceRange): Expansion {
  const place = { source: scope.source, range, instruction: 'FROM' };
  return locating(place, () => expand(text, (name) => scope.values.get(name), { escape: scope.escape }));
}

/** Which build arguments no ARG takes up: Docker warns of them. */
export function unusedBuildArgs(dockerfile: Dockerfile, buildArgs: ReadonlyMap<string, string>): string[] {
  const declared = new Set(
    [...dockerfile.globalArgs, ...dockerfile.stages.flatMap((stage) => stage.instructions)].flatMap(
      (instruction) => (instruction.kind === 'arg' ? instruction.args.map((arg) => arg.name) : []),
    ),
  );
  const isUsed = (name: string): boolean =>
    declared.has(name) || isProxyArg(name) || isBuilderArg(name) || platformNames.has(name);
  return [...buildArgs.keys()].filter((name) => !isUsed(name));
}

const anyPlatform = { os: '', architecture: '' };
const platformNames: ReadonlySet<string> = new Set(
  platformArgs({ buildPlatform: anyPlatform, targetPlatform: anyPlatform }).keys(),
);
