/** The registry's storage in an S3 bucket keeps the storage contract. */
import { after, before, test } from 'node:test';
import { openS3Storage } from '../../src/registry/s3/s3-storage.ts';
import { type ContractSubject, storageContract } from '../registry/storage-contract.ts';
import { startS3, type TestS3, whyNoS3 } from '../support/s3.ts';

const missing = await whyNoS3();
let server: TestS3;

async function openSubject(): Promise<ContractSubject> {
  const options = await server.bucket();
  const subject: ContractSubject = {
    storage: await openS3Storage(options),
    reopen: async () => {
      await subject.storage.close();
      subject.storage = await openS3Storage(options);
      return subject.storage;
    },
    dispose: () => subject.storage.close(),
  };
  return subject;
}

if (missing !== undefined) test('the S3 storage', { skip: missing }, () => undefined);
else {
  before(async () => {
    server = await startS3();
  });
  after(() => server.stop());
  storageContract('S3', openSubject);
}
