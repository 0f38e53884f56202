/** An image of a container and what it changed: `docker commit`. */
import { finished } from 'node:stream/promises';
import { applyChanges } from '../images/image-changes.ts';
import type { Image } from '../images/image-types.ts';
import { familiarReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import { runtimeMountPoints } from './changes-mount-points.ts';
import { completeProcess, processOfContainer } from './commit-config.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { checkKept } from './export.ts';
import { publishTag } from './images.ts';
import type { ContainerConfig } from './model.ts';
import { pauseContainer, unpauseContainer } from './pause.ts';

export interface CommitQuestion {
  container: string;
  /** In place of the container's own configuration. */
  config?: ContainerConfig;
  /** Dockerfile instructions. */
  changes: readonly string[];
  reference?: string;
  author?: string;
  comment?: string;
  /** Freeze the container while its files are read. */
  pause: boolean;
}

/** EngineErrors: `not-found`, `conflict` for a container that is being removed, `invalid-argument` for a bad name or instruction. */
export async function commitContainer(
  engine: Engine,
  question: CommitQuestion,
  signal?: AbortSignal,
): Promise<Image> {
  const container = engine.containers.resolve(question.container);
  checkKept(container, 'commit');
  const { config, imageId } = container.record;
  const parent = engine.images.get(imageId);
  const asked = applyChanges(processOfContainer(question.config ?? config), question.changes);
  const reference = question.reference === undefined ? {} : { reference: question.reference };
  // Before the container is stopped for it.
  if (question.reference !== undefined) parseReference(question.reference);
  const image = await whilePaused(engine, container, question.pause, async (resume) => {
    const { tar: layer } = engine.snapshots.archive(container.id, 'layer', runtimeMountPoints);
    // What is done with the layer afterwards needs the container no more.
    finished(layer).then(resume, () => undefined);
    return await engine.images.commit(
      {
        parent,
        layer,
        process: completeProcess(asked, processOfContainer(config)),
        changes: [],
        ...reference,
        author: question.author ?? '',
        comment: question.comment ?? '',
        createdBy: (config.cmd ?? []).join(' '),
      },
      signal,
    );
  });
  tell(engine, container, image, question);
  return image;
}

/** Runs `work`; the container goes on when that is done, or calls `resume` before. Only one that runs is paused. */
async function whilePaused<T>(
  engine: Engine,
  container: Container,
  wanted: boolean,
  work: (resume: () => void) => Promise<T>,
): Promise<T> {
  if (!wanted || container.state.status !== 'running') return await work(() => undefined);
  const warn = (err: unknown): void =>
    engine.log.warn({ err, container: container.id }, 'a container that is committed was not paused');
  const isPaused = await pauseContainer(engine, container.id).then(() => true, warn);
  let resumed: Promise<void> | undefined;
  const resume = (): void => {
    if (isPaused === true) resumed ??= unpauseContainer(engine, container.id).catch(warn);
  };
  try {
    return await work(resume);
  } finally {
    resume();
    await resumed;
  }
}

function tell(engine: Engine, container: Container, image: Image, question: CommitQuestion): void {
  const { comment = '', reference } = question;
  const imageRef =
    reference === undefined ? '' : familiarReference(withDefaultTag(parseReference(reference)));
  if (reference !== undefined) publishTag(engine, image, reference);
  publishContainerEvent(engine.events, container.record, 'commit', { comment, imageID: image.id, imageRef });
}
