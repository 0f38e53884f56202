/** The whole of the distribution specification's requirements, asked of one registry. */
import { after, before, describe } from 'node:test';
import { RegistryClient } from './client.ts';
import { discoveryTests } from './discovery-tests.ts';
import { managementTests } from './management-tests.ts';
import { pullTests } from './pull-tests.ts';
import { pushBlobTests } from './push-blob-tests.ts';
import { pushChunkTests } from './push-chunk-tests.ts';
import { pushManifestTests } from './push-manifest-tests.ts';

export interface ConformanceTarget {
  /** `http://HOST:PORT`. Everyone may pull, push and delete there. */
  url: string;
  stop(): Promise<void>;
}

/** Registers the tests under `name`; `start` is called once. */
export function runConformance(name: string, start: () => Promise<ConformanceTarget>): void {
  describe(`distribution-spec 1.1 over ${name}`, () => {
    let target: ConformanceTarget | undefined;
    const client = new RegistryClient(() => target?.url ?? '');
    before(async () => {
      target = await start();
    });
    after(async () => {
      client.close();
      await target?.stop();
    });
    pullTests(client);
    pushBlobTests(client);
    pushChunkTests(client);
    pushManifestTests(client);
    discoveryTests(client);
    managementTests(client);
  });
}
