/** `SOURCE:TARGET[:OPTIONS]` and `--mount`: reads and checks them, in Docker's words; touches nothing on the host. */
import { posix } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import type { MountRequest } from './model.ts';
import { mergeTmpfsOptions } from './spec/tmpfs-options.ts';

/** A mount that was asked for, from whichever notation. */
export interface MountSpec {
  type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Path, volume name or image; '' for an anonymous volume and a tmpfs. */
  source: string;
  /** Clean and absolute. */
  destination: string;
  /** As the user wrote it, of `-v` alone. */
  mode: string;
  readOnly: boolean;
  propagation: string;
  /** Of a bind: the source is made where it is missing. */
  createSource: boolean;
  nonRecursive: boolean;
  /** Of a volume: image content is not copied into it. */
  noCopy: boolean;
  subpath: string;
  labels: Record<string, string>;
  driver: string;
  driverOpts: Record<string, string>;
  tmpfsOptions: string[];
}

const access = new Set(['ro', 'rw']);
const relabel = new Set(['z', 'Z']);
const propagations = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);
const consistencies = new Set(['consistent', 'cached', 'delegated']);
const optionGroups = [access, relabel, propagations, consistencies, new Set(['nocopy'])];

/** Every option is known, and there is at most one of each kind. */
export function isMountMode(mode: string): boolean {
  if (mode === '') return true;
  const options = mode.split(',');
  return (
    options.every((option) => optionGroups.some((group) => group.has(option))) &&
    optionGroups.every((group) => options.filter((option) => group.has(option)).length <= 1)
  );
}

export function invalidMode(mode: string): EngineError {
  return new EngineError('invalid-argument', `invalid mode: ${mode}`);
}

/** One entry of `HostConfig.Binds`. `volumeDriver` is that of `--volume-driver`. */
export function parseBind(text: string, volumeDriver: string): MountSpec {
  const parts = text.split(':');
  const [source = '', target = '', mode = ''] = parts;
  const invalid = (why?: string): EngineError =>
    new EngineError(
      'invalid-argument',
      `invalid volume specification: '${text}'${why === undefined ? '' : `: ${why}`}`,
      { hint: 'write SOURCE:TARGET or SOURCE:TARGET:OPTIONS, with an absolute TARGET' },
    );
  if (source === '' || source.includes('\0') || parts.length > 3) throw invalid();
  if (parts.length === 1) return { ...blank('volume', source, invalid), driver: volumeDriver };
  if (parts.length === 2 && isMountMode(target)) throw invalid();
  if (!isMountMode(mode)) throw invalidMode(mode);
  const options = mode.split(',');
  const propagation = options.find((option) => propagations.has(option)) ?? '';
  const bind = source.startsWith('/');
  if (bind && options.includes('nocopy'))
    throw invalid(`invalid mount config for type "bind": field VolumeOptions must not be specified`);
  if (!bind && propagation !== '')
    throw invalid(`invalid mount config for type "volume": field BindOptions must not be specified`);
  return {
    ...blank(bind ? 'bind' : 'volume', target, invalid),
    source: bind ? clean(source) : source,
    mode,
    readOnly: options.includes('ro'),
    propagation: bind ? propagation || 'rprivate' : '',
    createSource: true,
    noCopy: options.includes('nocopy'),
    driver: bind ? '' : volumeDriver,
  };
}

/** A mount of `type` at `target` with nothing else said. */
function blank(type: MountSpec['type'], target: string, invalid: (why: string) => EngineError): MountSpec {
  const complaint = targetComplaint(target);
  if (complaint !== undefined) throw invalid(`invalid mount config for type "${type}": ${complaint}`);
  return {
    type,
    source: '',
    destination: clean(target),
    mode: '',
    readOnly: false,
    propagation: '',
    createSource: false,
    nonRecursive: false,
    noCopy: false,
    subpath: '',
    labels: {},
    driver: '',
    driverOpts: {},
    tmpfsOptions: [],
  };
}

function targetComplaint(target: string): string | undefined {
  if (target === '') return 'field Target must not be empty';
  if (target.includes('\0')) return 'field Target must not contain a NUL character';
  if (clean(target) === '/') return "invalid specification: destination can't be '/'";
  return target.startsWith('/') ? undefined : `invalid mount path: '${target}' mount path must be absolute`;
}

/** Where a mount goes: without `..`, double or trailing slashes. */
export function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** A path of `Config.Volumes`: an anonymous volume. */
export function anonymousVolume(target: string, driver: string): MountSpec {
  const invalid = (why: string): EngineError => new EngineError('invalid-argument', why);
  return { ...blank('volume', target, invalid), driver };
}

/** One entry of `HostConfig.Mounts`. EngineError `invalid-argument` `invalid mount config for type "bind": …`. */
export function parseMountRequest(request: MountRequest): MountSpec {
  const { type, source } = request;
  const invalid = (why: string): EngineError =>
    new EngineError('invalid-argument', `invalid mount config for type "${type}": ${why}`);
  if (type === 'npipe' || type === 'cluster') throw invalid('mount type unknown');
  const why = complaintOf(request, type);
  if (why !== undefined) throw invalid(why);
  const spec = blank(type, request.target, (text) => new EngineError('invalid-argument', text));
  return {
    ...spec,
    source: type === 'bind' ? clean(source) : source,
    /* Docker's word for volumes of this notation. */
    mode: type === 'volume' ? 'z' : '',
    readOnly: request.readOnly,
    propagation: type === 'bind' ? request.bind?.propagation || 'rprivate' : '',
    createSource: request.bind?.createMountpoint ?? false,
    nonRecursive: request.bind?.nonRecursive ?? false,
    noCopy: request.volume?.noCopy ?? false,
    subpath: request.volume?.subpath ?? request.image?.subpath ?? '',
    labels: request.volume?.labels ?? {},
    driver: request.volume?.driver?.name ?? '',
    driverOpts: request.volume?.driver?.options ?? {},
    tmpfsOptions: type === 'tmpfs' ? tmpfsOptions(request.tmpfs ?? {}) : [],
  };
}

function complaintOf(request: MountRequest, type: MountSpec['type']): string | undefined {
  const target = targetComplaint(request.target);
  if (target !== undefined) return target;
  if (type !== 'bind' && request.bind !== undefined) return 'field BindOptions must not be specified';
  if (type === 'bind') return bindComplaint(request);
  if (type === 'volume') return volumeComplaint(request);
  if (type === 'tmpfs') return request.source === '' ? undefined : 'field Source must not be specified';
  if (request.source === '') return 'field Source must not be empty';
  return isInside(request.image?.subpath ?? '')
    ? undefined
    : 'subpath must be a relative path within the image';
}

function bindComplaint({ source, bind, volume }: MountRequest): string | undefined {
  if (source === '') return 'field Source must not be empty';
  const propagation = bind?.propagation ?? '';
  if (propagation !== '' && !propagations.has(propagation)) return `invalid propagation mode: ${propagation}`;
  if (volume !== undefined) return 'field VolumeOptions must not be specified';
  if (source.includes('\0')) return 'field Source must not contain a NUL character';
  return source.startsWith('/') ? undefined : `invalid mount path: '${source}' mount path must be absolute`;
}

function volumeComplaint({ source, volume, readOnly }: MountRequest): string | undefined {
  const subpath = volume?.subpath ?? '';
  if (source === '' && subpath !== '') return 'must not set Subpath when using anonymous volumes';
  if (!isInside(subpath)) return 'subpath must be a relative path within the volume';
  if (source === '' && readOnly) return 'must not set ReadOnly mode when using anonymous volumes';
  return undefined;
}

/** Relative, and by its words not leading out. Links in the volume are looked at when it is used. */
function isInside(subpath: string): boolean {
  const normal = posix.normalize(subpath);
  return !normal.startsWith('/') && normal !== '..' && !normal.startsWith('../') && !subpath.includes('\0');
}

/** Those that were given by name are checked here. */
function tmpfsOptions(request: NonNullable<MountRequest['tmpfs']>): string[] {
  const { sizeBytes = 0, mode = 0, options = [] } = request;
  mergeTmpfsOptions(options);
  return [
    ...(mode === 0 ? [] : [`mode=${mode.toString(8)}`]),
    ...(sizeBytes === 0 ? [] : [`size=${sizeBytes}`]),
    ...options,
  ];
}
