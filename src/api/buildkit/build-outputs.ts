/** Exporters and caches that a client names, as outputs and cache references of a build's request. */
import { access } from 'node:fs/promises';
import type { BuildOutput, CacheReference } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { Exporter, SolveRequest } from '../../wire/buildkit/control-messages.ts';
import type { ValueOf } from '../../wire/buildkit/protobuf.ts';
import { type CacheEntry, cacheTypeOf, flagOf, listOf } from './build-attributes.ts';
import { sessionContent } from './session-content.ts';
import { copyToClient, openOutputFile } from './session-output.ts';
import type { BuildSession } from './session-registry.ts';

type ExporterValue = ValueOf<typeof Exporter>;

/** What a request's outputs are written to. */
export interface OutputTarget {
  session: BuildSession;
  signal: AbortSignal;
}

/** One that only warms the cache where the client names none. EngineError `not-implemented` for kinds that are not known. */
export function outputsOf(request: SolveRequest, target: OutputTarget): BuildOutput[] {
  const { exporters, exporterDeprecated, exporterAttrsDeprecated } = request;
  const isOld = exporters.length === 0 && exporterDeprecated !== '';
  const given = isOld ? [{ type: exporterDeprecated, attrs: exporterAttrsDeprecated }] : exporters;
  if (given.length === 0) return [{ kind: 'none' }];
  return given.map((exporter, number) => outputOf(exporter, number, target));
}

function outputOf({ type, attrs }: ExporterValue, number: number, target: OutputTarget): BuildOutput {
  const names = listOf(attrs.get('name'));
  const attributes = Object.fromEntries(attrs);
  switch (type) {
    case 'moby':
    case 'image':
      return imageOutput(attrs, names);
    case 'tar':
    case 'oci':
    case 'docker':
      checkIsFile(type, attrs);
      return {
        kind: type,
        names,
        annotations: annotationsOf(attrs),
        attributes,
        open: async () => openOutputFile(target.session, number, target.signal),
      };
    case 'local':
      return {
        kind: 'local',
        attributes,
        copy: async (root, signal) => {
          await access(root);
          await copyToClient(target.session, number, root, signal);
        },
      };
    default:
      throw new EngineError('not-implemented', `exporter ${JSON.stringify(type)} could not be found`, {
        hint: 'use image, registry, docker, oci, tar, local or cacheonly',
      });
  }
}

function imageOutput(attrs: ReadonlyMap<string, string>, names: readonly string[]): BuildOutput {
  return {
    kind: 'image',
    names,
    push: flagOf(attrs.get('push'), 'push'),
    isInsecure: flagOf(attrs.get('registry.insecure'), 'registry.insecure'),
    annotations: annotationsOf(attrs),
    attributes: Object.fromEntries(attrs),
  };
}

/** `annotation.KEY`, `annotation-index.KEY`, `annotation-manifest[linux/amd64].KEY`: as the builder has them, `index:KEY`. */
function annotationsOf(attrs: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...attrs].flatMap(([name, value]) => {
      const [, kind, key] = /^annotation(?:-([a-z-]+(?:\[[^\]]*\])?))?\.(.+)$/s.exec(name) ?? [];
      return key === undefined ? [] : [[kind === undefined ? key : `${kind}:${key}`, value]];
    }),
  );
}

function checkIsFile(type: string, attrs: ReadonlyMap<string, string>): void {
  const tar = attrs.get('tar');
  if (tar === undefined || flagOf(tar, 'tar')) return;
  throw new EngineError('not-implemented', `the ${type} output as a directory (tar=false) is not there`, {
    hint: 'leave out tar=false, and unpack the archive',
  });
}

/** `isExport`: to, else from. */
export function cacheReferenceOf(entry: CacheEntry, isExport: boolean, target: OutputTarget): CacheReference {
  const type = cacheTypeOf(entry.type);
  const attributes = Object.fromEntries(entry.attrs);
  if (type !== 'local') return { type, attributes };
  const name = isExport ? 'dest' : 'src';
  const directory = attributes[name];
  if (directory === undefined) {
    throw new EngineError(
      'invalid-argument',
      `local cache ${isExport ? 'exporter' : 'importer'} requires ${name}`,
    );
  }
  return { type, attributes, content: sessionContent(target.session, `local:${directory}`, target.signal) };
}
