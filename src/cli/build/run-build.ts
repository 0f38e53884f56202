/** `gantry build` from the flags to the image. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildLine } from '../../wire/build-session.ts';
import type { Context } from '../context.ts';
import { allLogins, loginFor } from '../credentials/registry-auth.ts';
import { windowSize } from '../terminal/window-size.ts';
import type { Answering } from './answers.ts';
import type { BuildFlags } from './build-flags.ts';
import { checkText, failureText, finalError, warningsText } from './build-report.ts';
import { namedContexts, wireBuild } from './build-request.ts';
import { buildClassically } from './classic.ts';
import { type BuildSource, buildSource } from './context-source.ts';
import { cacheOf, outputsOf } from './output-flags.ts';
import { type ProgressDisplay, silentDisplay } from './progress-display.ts';
import { ProgressModel } from './progress-model.ts';
import { PlainDisplay } from './progress-plain.ts';
import { RawDisplay } from './progress-raw.ts';
import { TtyDisplay } from './progress-tty.ts';
import { agentsOf, secretsOf } from './secrets.ts';
import { BuildFailure, buildOver, openBuildSession, type SessionResult } from './session.ts';

/** Gives the exit code. */
export async function runBuild(context: Context, flags: BuildFlags, path: string): Promise<number> {
  const { io } = context;
  checkCall(flags);
  const outputs = outputsOf(flags);
  const contexts = namedContexts(flags['build-context']);
  const secrets = secretsOf(flags.secret, io.env);
  const agents = agentsOf(flags.ssh, io.env);
  const source = await buildSource(io, path, flags.file);
  try {
    const wire = wireBuild(flags, source, contexts, outputs, io.env);
    const stream = await openBuildSession(context.client);
    if (stream === undefined) {
      const imageId = await buildClassically(context, flags, source, wire, allLogins(context));
      finish(context, flags, { ...(imageId === undefined ? {} : { imageId }), metadata: {} });
      return 0;
    }
    const roots = new Map(contexts.roots);
    if (source.context.kind === 'directory') roots.set('', source.context.root);
    const answering: Answering = {
      roots,
      outside: source.outside,
      secrets,
      agents,
      login: (host) => loginFor(context, host),
      outputs,
      layouts: {
        contexts: contexts.layouts,
        from: flags['cache-from'].map((value) => ({
          root: cacheOf('cache-from', value).attributes['src'] ?? '',
        })),
        to: flags['cache-to'].map((value) => ({ root: cacheOf('cache-to', value).attributes['dest'] ?? '' })),
      },
      stdout: io.stdout,
    };
    const model = new ProgressModel(Date.now());
    const display = displayFor(context, flags, model);
    return await follow(context, flags, model, display, (onLine) =>
      buildOver(stream, wire, answering, onLine).catch((error: unknown) => {
        display.end();
        if (!(error instanceof BuildFailure)) throw error;
        io.stderr.write(failureText(error, model, dockerfileText(source), source.dockerfile));
        throw finalError(error, wire.id);
      }),
    );
  } finally {
    source.close();
  }
}

async function follow(
  context: Context,
  flags: BuildFlags,
  model: ProgressModel,
  display: ProgressDisplay,
  build: (onLine: (line: BuildLine) => void) => Promise<SessionResult>,
): Promise<number> {
  const isCheck = flags.check || flags.call === 'check';
  const result = await build((line) => display.take(line));
  display.end();
  if (isCheck) {
    context.io.stdout.write(checkText(model.warnings));
    return model.warnings.length === 0 ? 0 : 1;
  }
  if (!isQuiet(flags)) context.io.stderr.write(warningsText(model.warnings));
  finish(context, flags, result);
  return 0;
}

function dockerfileText({ context, outside, dockerfile }: BuildSource): string | undefined {
  try {
    if (outside !== undefined) return outside.get('Dockerfile')?.toString('utf8');
    return context.kind === 'directory' ? readFileSync(join(context.root, dockerfile), 'utf8') : undefined;
  } catch {
    // Gone meanwhile: the error stands without its lines.
    return undefined;
  }
}

function checkCall({ call, progress }: BuildFlags): void {
  if (call !== 'build' && call !== 'check')
    throw new EngineError('not-implemented', `--call ${call} is not served`, {
      hint: 'It can be build or check.',
    });
  if (!['auto', 'plain', 'tty', 'rawjson', 'quiet'].includes(progress))
    throw new EngineError('invalid-argument', `invalid progress mode ${progress}`, {
      hint: 'It must be auto, plain, tty, rawjson or quiet.',
    });
}

function isQuiet(flags: BuildFlags): boolean {
  return flags.quiet || flags.progress === 'quiet';
}

function displayFor({ io }: Context, flags: BuildFlags, model: ProgressModel): ProgressDisplay {
  const { why } = flags;
  const asked = flags.progress === 'auto' ? (io.env['BUILDKIT_PROGRESS'] ?? 'auto') : flags.progress;
  if (isQuiet(flags)) return collecting(model);
  if (asked === 'rawjson') return new RawDisplay(model, io.stderr);
  const isTty = asked === 'tty' || (asked !== 'plain' && io.stderr.isTerminal);
  if (isTty) return new TtyDisplay(model, io.stderr, { why, rows: () => windowSize()?.height ?? 0 });
  return new PlainDisplay(model, io.stderr, { why });
}

/** Shows nothing, but knows what an error's place needs. */
function collecting(model: ProgressModel): ProgressDisplay {
  return { ...silentDisplay, take: (line) => void model.take(line) };
}

function finish({ io }: Context, flags: BuildFlags, { imageId, metadata }: SessionResult): void {
  if (flags.iidfile !== '' && imageId !== undefined) writeFileSync(flags.iidfile, imageId);
  if (flags['metadata-file'] !== '')
    writeFileSync(flags['metadata-file'], `${JSON.stringify(metadata, undefined, 2)}\n`);
  if (isQuiet(flags) && imageId !== undefined) io.stdout.write(`${imageId}\n`);
}
