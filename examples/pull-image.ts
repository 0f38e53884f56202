/** Pulls an image and shows the progress of each layer: `node pull-image.ts IMAGE`. */
import { createClient, type ProgressMessage } from 'gantry/client';

const image = process.argv[2] ?? 'alpine';
const client = createClient();

/** Percent of a layer; empty where nothing is known. */
function share({ progressDetail }: ProgressMessage): string {
  const { current, total } = progressDetail ?? {};
  return current === undefined || total === undefined ? '' : `${Math.floor((current / total) * 100)} %`;
}

for await (const message of client.images.pull(image, { signal: AbortSignal.timeout(600_000) })) {
  console.log([message.id, message.status, share(message)].filter(Boolean).join(' '));
}
const { Id, Size } = await client.images.inspect(image);
console.log(`${image} is ${Id}, ${(Size / 1e6).toFixed(1)} MB`);
