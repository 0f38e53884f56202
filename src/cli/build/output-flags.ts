/** `--output`, `--push`, `--load`, `--cache-from` and `--cache-to`: what they ask the daemon for, and where it goes here. */
import { EngineError } from '../../errors/engine-error.ts';
import type { WireCache, WireOutput } from '../../wire/build-session.ts';
import { parseImageName } from '../image-name.ts';
import { splitCsv } from '../run-config/csv.ts';
import type { BuildFlags } from './build-flags.ts';

export interface PlannedOutput {
  wire: WireOutput;
  /** A directory of `local`, a file of a tar; `-` is stdout. '' where nothing comes back. */
  destination: string;
}

export function fieldsOf(flag: string, value: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of splitCsv(value)) {
    const equals = field.indexOf('=');
    if (equals < 1)
      throw new EngineError(
        'invalid-argument',
        `invalid value ${JSON.stringify(field)} in --${flag} ${value}`,
        {
          hint: 'Write key=value, and a comma between two of them.',
        },
      );
    fields.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
  }
  return fields;
}

/** Without any, the image goes into the store. */
export function outputsOf(flags: BuildFlags): PlannedOutput[] {
  const given = flags.output.map((value) => outputOf(value, flags));
  const image = given.find(({ wire }) => wire.kind === 'image');
  if (given.length === 0 || (image === undefined && (flags.push || flags.load)))
    given.push({ wire: imageOutput(tagsOf(flags), flags, new Map()), destination: '' });
  return given;
}

export function tagsOf({ tag }: Pick<BuildFlags, 'tag'>): string[] {
  return [...new Set(tag.map((name) => completeName(name)))];
}

function completeName(text: string): string {
  const name = parseImageName(text);
  if (name.digest !== undefined)
    throw new EngineError('invalid-argument', `invalid tag ${JSON.stringify(text)}: it cannot have a digest`);
  return `${name.full.replace(/:[^/:]*$/, '')}:${name.tag ?? 'latest'}`;
}

function outputOf(value: string, flags: BuildFlags): PlannedOutput {
  // A path alone is a directory; `-` alone a tar on stdout.
  if (value === '-')
    return { wire: { kind: 'tar', names: [], annotations: {}, attributes: {} }, destination: '-' };
  if (!value.includes('=')) return { wire: { kind: 'local', attributes: {} }, destination: value };
  const fields = fieldsOf('output', value);
  const type = fields.get('type') ?? '';
  const destination = fields.get('dest') ?? '';
  const names = fields.has('name') ? (fields.get('name') ?? '').split(',').map(completeName) : tagsOf(flags);
  const attributes = attributesOf(fields);
  const annotations = annotationsOf(flags);
  switch (type) {
    case 'local':
      return { wire: { kind: 'local', attributes }, destination: needed(destination, value) };
    case 'tar':
      return {
        wire: { kind: 'tar', names: [], annotations: {}, attributes },
        destination: destination || '-',
      };
    case 'oci':
      return { wire: { kind: type, names, annotations, attributes }, destination: destination || '-' };
    case 'docker':
      if (destination === '') return { wire: imageOutput(names, flags, fields), destination: '' };
      return { wire: { kind: type, names, annotations, attributes }, destination };
    case 'image':
    case 'registry': {
      const push = type === 'registry' || fields.get('push') === 'true' || flags.push;
      return { wire: imageOutput(names, { ...flags, push }, fields), destination: '' };
    }
    case 'cacheonly':
      return { wire: { kind: 'none' }, destination: '' };
    default:
      throw new EngineError('invalid-argument', `unknown type of output: ${JSON.stringify(type)}`, {
        hint: 'It must be local, tar, oci, docker, image, registry or cacheonly.',
      });
  }
}

function imageOutput(
  names: string[],
  { push, annotation }: Pick<BuildFlags, 'push' | 'annotation'>,
  fields: ReadonlyMap<string, string>,
): WireOutput {
  if (push && names.length === 0)
    throw new EngineError('invalid-argument', 'tag is needed when pushing to registry', {
      hint: 'Name the image: -t registry/name:tag',
    });
  return {
    kind: 'image',
    names,
    push,
    isInsecure: fields.get('registry.insecure') === 'true',
    annotations: annotationsOf({ annotation }),
    attributes: attributesOf(fields),
  };
}

/** Keys as they are written, with what they are of: `index:org.example.key`. */
function annotationsOf({ annotation }: Pick<BuildFlags, 'annotation'>): Record<string, string> {
  return Object.fromEntries(
    annotation.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, Math.max(0, equals)), pair.slice(equals + 1)];
    }),
  );
}

const ownFields = new Set(['type', 'dest', 'name', 'push', 'registry.insecure']);

/** What the daemon is to know of how the output is written. */
function attributesOf(fields: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...fields].filter(([key]) => !ownFields.has(key)));
}

function needed(destination: string, value: string): string {
  if (destination !== '') return destination;
  throw new EngineError('invalid-argument', `dest is required for output ${value}`, {
    hint: 'Write type=local,dest=DIRECTORY.',
  });
}

/** A reference alone is one of a registry. */
export function cacheOf(flag: 'cache-from' | 'cache-to', value: string): WireCache {
  if (!value.includes('=')) return { type: 'registry', attributes: { ref: value } };
  const { type = '', ...attributes } = Object.fromEntries(fieldsOf(flag, value));
  if (type !== 'registry' && type !== 'inline' && type !== 'local')
    throw new EngineError('invalid-argument', `unknown type of cache: ${JSON.stringify(type)}`, {
      hint: 'It must be registry, inline or local.',
    });
  return { type, attributes };
}
