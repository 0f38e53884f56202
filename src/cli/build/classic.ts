/** A build by the plain Docker API: for daemons that are no Gantry, and contexts that the daemon fetches by itself. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { encodeAuth } from '../../client/call-control.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { ignoreFileNames, parseIgnoreFile } from '../../util/patterns/ignore.ts';
import type { WireBuild } from '../../wire/build-session.ts';
import type { ProgressMessage } from '../../wire/progress-message.ts';
import type { AuthConfig } from '../../wire/system.ts';
import type { Context } from '../context.ts';
import { ProgressDisplay } from '../output/progress.ts';
import type { BuildFlags } from './build-flags.ts';
import type { BuildSource } from './context-source.ts';
import { contextTar } from './context-tar.ts';

/** A name that no context has a file of. */
const outsideName = '.gantry-build.Dockerfile';

/** Gives the image's ID, where the daemon told one. EngineError for flags that the plain API has no words for. */
export async function buildClassically(
  context: Context,
  flags: BuildFlags,
  source: BuildSource,
  wire: WireBuild,
  logins: Readonly<Record<string, AuthConfig>>,
): Promise<string | undefined> {
  checkPlain(flags);
  const remote = source.context.kind === 'remote' ? source.context.url : undefined;
  const outside = source.outside?.get('Dockerfile');
  const query = {
    ...queryOf(flags, wire),
    dockerfile: outside === undefined ? source.dockerfile : outsideName,
    ...(remote === undefined ? {} : { remote }),
  };
  const headers = { 'Content-Type': 'application/x-tar', 'X-Registry-Config': encodeAuth(logins) };
  const stream = remote === undefined ? { stream: bodyOf(flags, source, outside) } : {};
  const { stdout } = context.io;
  const display = new ProgressDisplay(stdout);
  let imageId: string | undefined;
  const messages = context.client.documents<ProgressMessage>('POST', '/build', { query, headers, ...stream });
  for await (const message of messages) {
    imageId = idOf(message.aux) ?? imageId;
    if (flags.quiet && message.stream !== undefined) imageId ??= message.stream.trim();
    if (!flags.quiet || message.error !== undefined || message.errorDetail !== undefined)
      display.show(message);
  }
  return imageId;
}

function bodyOf(flags: BuildFlags, source: BuildSource, outside: Buffer | undefined): Readable {
  const added = outside === undefined ? new Map<string, Buffer>() : new Map([[outsideName, outside]]);
  const tar =
    source.context.kind === 'directory'
      ? contextTar(source.context.root, { ...ignoring(source.context.root, source), added })
      : contextTar('/nonexistent', { ignore: [], below: [], added });
  return flags.compress ? tar.pipe(createGzip()) : tar;
}

function ignoring(root: string, source: BuildSource): { ignore: string[]; always: string[] } {
  const names = ignoreFileNames(source.dockerfile);
  const own = source.outside?.get(ignoreFileNames('Dockerfile')[0] ?? '');
  const found = names.find((name) => existsSync(join(root, name)));
  const content = own ?? (found === undefined ? undefined : readFileSync(join(root, found)));
  return {
    ignore: content === undefined ? [] : parseIgnoreFile(content.toString('utf8')),
    always: [source.dockerfile, ...(found === undefined ? [] : [found])],
  };
}

function idOf(aux: unknown): string | undefined {
  if (typeof aux !== 'object' || aux === null || !('ID' in aux)) return undefined;
  return typeof aux.ID === 'string' ? aux.ID : undefined;
}

const gantryOnly = [
  'build-context',
  'cache-to',
  'secret',
  'ssh',
  'output',
  'no-cache-filter',
  'allow',
  'annotation',
] as const;

function checkPlain(flags: BuildFlags): void {
  const name = gantryOnly.find((one) => flags[one].length > 0) ?? (flags.push ? 'push' : undefined);
  const asked = name ?? (flags.check ? 'check' : undefined);
  if (asked === undefined) return;
  throw new EngineError(
    'not-implemented',
    `--${asked} needs a daemon of Gantry's, and a context that is here`,
    {
      hint: "This daemon serves Docker's classic API only: docker buildx build may do it.",
    },
  );
}

function queryOf(flags: BuildFlags, wire: WireBuild): Record<string, string | number | boolean | string[]> {
  const { resources } = wire;
  const image = wire.outputs.find((output) => output.kind === 'image');
  const all = {
    t: image?.kind === 'image' ? image.names : [],
    extrahosts: wire.extraHosts,
    q: flags.quiet,
    nocache: flags['no-cache'],
    pull: wire.pull,
    rm: flags.rm,
    forcerm: flags['force-rm'],
    memory: resources.memory,
    memswap: resources.memorySwap,
    cpushares: resources.cpuShares,
    cpuperiod: resources.cpuPeriod,
    cpuquota: resources.cpuQuota,
    cpusetcpus: resources.cpusetCpus,
    cpusetmems: resources.cpusetMems,
    shmsize: resources.shmSize,
    cgroupparent: resources.cgroupParent,
    networkmode: wire.networkMode,
    target: wire.target,
    platform: wire.platforms.join(','),
    squash: wire.squash,
    isolation: flags.isolation,
    version: '1',
    buildargs: jsonOf(wire.buildArgs),
    labels: jsonOf(wire.labels),
    cachefrom: flags['cache-from'].length === 0 ? '' : JSON.stringify(flags['cache-from']),
    securityopt: [...flags['security-opt']],
    ulimits: flags.ulimit.length === 0 ? '' : JSON.stringify(flags.ulimit),
  };
  const given = Object.entries(all).filter(
    ([name, value]) => value !== '' && value !== 0 && (value !== false || name === 'rm'),
  );
  return Object.fromEntries(given);
}

function jsonOf(record: Readonly<Record<string, string>>): string {
  return Object.keys(record).length === 0 ? '' : JSON.stringify(record);
}
