/** Pulls an image and shows how that goes. */
import type { ProgressMessage } from '../wire/progress-message.ts';
import type { Context } from './context.ts';
import { registryAuthHeader } from './credentials/registry-auth.ts';
import type { ImageName } from './image-name.ts';
import type { Output } from './io.ts';
import { ProgressDisplay } from './output/progress.ts';

export interface PullOptions {
  platform: string;
  quiet: boolean;
  allTags?: boolean;
}

/** Pulls `name` and shows the progress on `output`. EngineErrors of the daemon, with its words. */
export async function pullImage(
  context: Context,
  name: ImageName,
  output: Output,
  options: PullOptions,
): Promise<void> {
  const query = {
    fromImage: name.full,
    tag: options.allTags === true ? '' : (name.digest ?? name.tag ?? 'latest'),
    platform: options.platform,
  };
  const headers = registryAuthHeader(context, name.full);
  const display = new ProgressDisplay(output);
  for await (const message of context.client.documents<ProgressMessage>('POST', '/images/create', {
    query,
    headers,
  })) {
    if (!options.quiet || message.error !== undefined || message.errorDetail !== undefined)
      display.show(message);
  }
}
