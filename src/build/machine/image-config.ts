/** The configuration of a finished image, as Docker's builder writes it. */
import type { LayerOfImage } from '../../images/image-records.ts';
import type { HistoryEntry, ImageConfig, ImageProcess } from '../../oci/image-config.ts';
import type { ImageState } from './image-state.ts';

export interface ConfigInput {
  image: ImageState;
  layers: readonly LayerOfImage[];
  labels: ReadonlyMap<string, string>;
  /** Seconds since 1970. */
  epoch: number | undefined;
}

/** Keys are in the order of Docker's builder: the digest of all is the image's ID. */
export function imageConfig({ image, layers, labels, epoch }: ConfigInput): ImageConfig {
  const { platform, author, osVersion } = image;
  const history = withTimes(image.history, epoch);
  const created = epoch === undefined ? lastTime(history) : timeOf(epoch);
  return {
    architecture: platform.architecture,
    ...(author === undefined ? {} : { author }),
    config: processOf(image.process, labels),
    ...(created === undefined ? {} : { created }),
    history,
    os: platform.os,
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
  };
}

/** A field that says nothing is left out. */
function processOf(process: ImageProcess, labels: ReadonlyMap<string, string>): ImageProcess {
  const all = { ...process.Labels, ...Object.fromEntries(labels) };
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, StopSignal, ArgsEscaped } = process;
  const { Healthcheck, OnBuild, Shell } = process;
  return {
    ...(User ? { User } : {}),
    ...(isFull(ExposedPorts) ? { ExposedPorts: sorted(ExposedPorts) } : {}),
    ...(Env == null ? {} : { Env }),
    ...(Entrypoint == null || Entrypoint.length === 0 ? {} : { Entrypoint }),
    ...(Cmd == null || Cmd.length === 0 ? {} : { Cmd }),
    ...(isFull(Volumes) ? { Volumes: sorted(Volumes) } : {}),
    ...(WorkingDir ? { WorkingDir } : {}),
    ...(isFull(all) ? { Labels: sorted(all) } : {}),
    ...(StopSignal ? { StopSignal } : {}),
    ...(ArgsEscaped === true ? { ArgsEscaped } : {}),
    ...(Healthcheck == null ? {} : { Healthcheck }),
    ...(OnBuild == null || OnBuild.length === 0 ? {} : { OnBuild }),
    ...(Shell == null || Shell.length === 0 ? {} : { Shell }),
  };
}

function isFull<T extends object>(object: T | null | undefined): object is T {
  return object != null && Object.keys(object).length > 0;
}

function sorted<T>(object: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(object).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Steps without a layer are as old as the layer before them, or as the first that was made, so that the same build has the same ID. */
function withTimes(history: readonly HistoryEntry[], epoch: number | undefined): HistoryEntry[] {
  const firstUntimed = history.findIndex(({ created }) => created === undefined);
  const next = history.slice(Math.max(firstUntimed, 0)).find(({ created }) => created !== undefined);
  let last = next?.created ?? lastTime(history) ?? timeOf(0);
  return history.map((entry, index) => {
    if (entry.created !== undefined) {
      if (index > firstUntimed) last = entry.created;
      return entry;
    }
    return { created: epoch === undefined ? last : timeOf(epoch), ...entry };
  });
}

function lastTime(history: readonly HistoryEntry[]): string | undefined {
  return history.findLast(({ created }) => created !== undefined)?.created;
}

function timeOf(epoch: number): string {
  return new Date(epoch * 1000).toISOString();
}
