/** What of a container's configuration a client of some version can set. */
import type { Stage } from './stage.ts';

type Document = Readonly<Record<string, unknown>>;

/** Before 1.44 a health check had no interval for its start. */
export function configOf(stage: Stage, config: Document): Document {
  const health = config['Healthcheck'];
  if (stage.speaks('1.44') || !isDocument(health)) return config;
  return { ...config, Healthcheck: without(health, 'StartInterval') };
}

export function hostConfigOf(stage: Stage, hostConfig: Document): Document {
  const { ConsoleSize, Annotations, Mounts, ...rest } = hostConfig;
  const mounts = Array.isArray(Mounts) ? Mounts.filter(isDocument) : undefined;
  return {
    ...rest,
    ...(ConsoleSize === undefined ? {} : { ConsoleSize: stage.speaks('1.42') ? ConsoleSize : [0, 0] }),
    ...(Annotations === undefined ? {} : { Annotations: stage.speaks('1.43') ? Annotations : undefined }),
    ...(mounts === undefined ? {} : { Mounts: mounts.map((mount) => mountOf(stage, mount)) }),
  };
}

function mountOf(stage: Stage, mount: Document): Document {
  const { BindOptions: bind, VolumeOptions: volume } = mount;
  if (isDocument(bind) && !stage.speaks('1.44')) {
    const { NonRecursive, CreateMountpoint, ReadOnlyForceRecursive: _, ...rest } = bind;
    const options = {
      ...rest,
      ...(stage.speaks('1.40') && NonRecursive === true ? { NonRecursive } : {}),
      ...(stage.speaks('1.42') && CreateMountpoint === true ? { CreateMountpoint } : {}),
      ...(mount['ReadOnly'] === true ? { ReadOnlyNonRecursive: true } : {}),
    };
    return { ...mount, BindOptions: options };
  }
  if (!isDocument(volume) || stage.speaks('1.45')) return mount;
  return { ...mount, VolumeOptions: without(volume, 'Subpath') };
}

function without(document: Document, field: string): Document {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== field));
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
