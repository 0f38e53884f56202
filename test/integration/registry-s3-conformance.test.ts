/** The distribution specification over the storage in an S3 bucket. */
import { test } from 'node:test';
import { openS3Storage } from '../../src/registry/s3/s3-storage.ts';
import { runConformance } from '../registry/conformance/run-conformance.ts';
import { serveRegistry } from '../support/registry-parts.ts';
import { startS3, whyNoS3 } from '../support/s3.ts';

const missing = await whyNoS3();

if (missing !== undefined) test('the S3 storage', { skip: missing }, () => undefined);
else {
  runConformance('S3', async () => {
    const server = await startS3();
    const registry = await serveRegistry({ storage: await openS3Storage(await server.bucket()) });
    const stop = async (): Promise<void> => {
      await registry.stop();
      await server.stop();
    };
    return { url: registry.url, stop };
  });
}
