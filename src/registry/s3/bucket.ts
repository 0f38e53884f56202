/** One bucket: objects by key below a prefix, listed in the order of bytes. The only caller of the AWS SDK beside `multipart.ts`. */
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { readBytes } from '../../images/registry/read-text.ts';
import type { ByteRange } from '../registry-types.ts';
import { mapParallel } from './parallel.ts';
import { isMissing, type S3Place, s3Error, s3ErrorName } from './s3-error.ts';
import { endpointOf, openS3Client, type S3StorageOptions } from './s3-options.ts';

export interface ListedObject {
  key: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch, by the service's clock and in whole seconds. */
  modifiedAt: number;
}

export interface FoundObject {
  body: Readable;
  /** Bytes of the body. */
  size: number;
  metadata: Record<string, string>;
}

/** Clocks that are further apart than this are seen as wrong: the service names whole seconds, and answers take time. */
const toleratedSkew = 5_000;
const quickAnswer = 1_000;
const maxDocument = 64 * 1024 * 1024;

export class Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** What stands before every key. */
  readonly #prefix: string;
  readonly #options: S3StorageOptions;
  readonly #place: S3Place;
  #skew = 0;

  constructor(options: S3StorageOptions) {
    this.#options = options;
    this.client = openS3Client(options);
    this.name = options.bucket;
    const outer = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
    this.#prefix = `${outer === '' ? '' : `${outer}/`}gantry/registry/v1/`;
    this.#place = {
      bucket: options.bucket,
      endpoint: endpointOf(options),
      region: options.region || 'us-east-1',
    };
    this.#watchClock();
  }

  /** Milliseconds since the epoch as the service counts them, so that instances with wrong clocks agree. */
  now(): number {
    return Date.now() + this.#skew;
  }

  /** The key as the service knows it. */
  path(key: string): string {
    return this.#prefix + key;
  }

  /** Is the bucket there, and may we use it? EngineError `unavailable`. */
  async check(): Promise<void> {
    try {
      await this.client.send(new HeadBucketCommand({ Bucket: this.name }));
    } catch (error) {
      // An answer to HEAD has no body that would name the error.
      if (s3ErrorName(error) === 'NotFound')
        throw s3Error(Object.assign(new Error('NoSuchBucket'), { name: 'NoSuchBucket' }), this.#place);
      throw s3Error(error, this.#place);
    }
  }

  async put(
    key: string,
    body: Uint8Array | string = '',
    metadata: Record<string, string> = {},
  ): Promise<void> {
    const ContentLength = Buffer.byteLength(body);
    await this.#put({ Key: this.path(key), Body: body, ContentLength, Metadata: metadata });
  }

  /** As `put`, in the storage class of blobs. */
  async putData(key: string, body: Uint8Array): Promise<void> {
    await this.#put({ Key: this.path(key), Body: body, ContentLength: body.length, ...this.dataFields() });
  }

  /** What a command that makes an object says of its encryption. */
  encryptionFields(): Pick<PutObjectCommandInput, 'ServerSideEncryption' | 'SSEKMSKeyId'> {
    const { encrypt, keyId } = this.#options;
    if (encrypt !== true) return {};
    return keyId === undefined
      ? { ServerSideEncryption: 'AES256' }
      : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyId };
  }

  /** What a command that makes a blob's bytes says of them. */
  dataFields(): Pick<PutObjectCommandInput, 'ContentType' | 'StorageClass'> {
    const { storageClass } = this.#options;
    return {
      ContentType: 'application/octet-stream',
      ...(storageClass === undefined
        ? {}
        : { StorageClass: storageClass as NonNullable<PutObjectCommandInput['StorageClass']> }),
    };
  }

  async #put(fields: Omit<PutObjectCommandInput, 'Bucket'>): Promise<void> {
    await this.run(() =>
      this.client.send(new PutObjectCommand({ Bucket: this.name, ...this.encryptionFields(), ...fields })),
    );
  }

  /** Undefined where there is no such object. */
  async get(key: string, range?: ByteRange): Promise<FoundObject | undefined> {
    const answer = await this.find(() =>
      this.client.send(
        new GetObjectCommand({
          Bucket: this.name,
          Key: this.path(key),
          ...(range === undefined ? {} : { Range: `bytes=${range.first}-${range.last}` }),
        }),
      ),
    );
    if (answer === undefined) return undefined;
    // In Node.js it is the response itself; the SDK's type also speaks of browsers.
    const body = answer.Body as Readable;
    return { body, size: answer.ContentLength ?? 0, metadata: answer.Metadata ?? {} };
  }

  async read(key: string): Promise<Buffer | undefined> {
    const found = await this.get(key);
    return found === undefined ? undefined : await this.run(() => readBytes(found.body, maxDocument));
  }

  /** An object's metadata; undefined where there is none. */
  async metadata(key: string): Promise<Record<string, string> | undefined> {
    const answer = await this.find(() =>
      this.client.send(new HeadObjectCommand({ Bucket: this.name, Key: this.path(key) })),
    );
    return answer === undefined ? undefined : (answer.Metadata ?? {});
  }

  /** Deletes, one request each: the command for many at once is not spoken by every service. */
  async remove(keys: readonly string[]): Promise<void> {
    await mapParallel(keys, (key) =>
      this.run(() => this.client.send(new DeleteObjectCommand({ Bucket: this.name, Key: this.path(key) }))),
    );
  }

  /** Objects whose key begins with `prefix`, in the order of bytes; only those behind `after`. `pageSize` saves work where few are wanted. */
  async *list(
    prefix: string,
    options: { after?: string; pageSize?: number } = {},
  ): AsyncGenerator<ListedObject, void, undefined> {
    const { after, pageSize } = options;
    let token: string | undefined;
    do {
      const answer = await this.run(() =>
        this.client.send(
          new ListObjectsV2Command({
            Bucket: this.name,
            Prefix: this.path(prefix),
            ...(after === undefined ? {} : { StartAfter: this.path(after) }),
            ...(pageSize === undefined ? {} : { MaxKeys: Math.max(1, Math.min(pageSize, 1000)) }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key = '', Size = 0, LastModified } of answer.Contents ?? [])
        yield { key: Key.slice(this.#prefix.length), size: Size, modifiedAt: LastModified?.getTime() ?? 0 };
      token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async keys(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of this.list(prefix)) found.push(key);
    return found;
  }

  /** Runs a command; its failure becomes an EngineError. */
  async run<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      throw s3Error(error, this.#place);
    }
  }

  /** As `run`, undefined where what it is about is not there. */
  async find<T>(command: () => Promise<T>): Promise<T | undefined> {
    try {
      return await command();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw s3Error(error, this.#place);
    }
  }

  close(): void {
    this.client.destroy();
  }

  #watchClock(): void {
    this.client.middlewareStack.add(
      (next) => async (args) => {
        const askedAt = Date.now();
        const result = await next(args);
        const skew = dateOf(result.response) - Date.now();
        // An answer that was long on its way tells an old time.
        if (Number.isFinite(skew) && Date.now() - askedAt < quickAnswer)
          this.#skew = Math.abs(skew) > toleratedSkew ? skew : 0;
        return result;
      },
      { step: 'deserialize', name: 'watchClock', priority: 'low' },
    );
  }
}

function dateOf(response: unknown): number {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return Number.NaN;
  const { headers } = response;
  if (typeof headers !== 'object' || headers === null || !('date' in headers)) return Number.NaN;
  return Date.parse(String(headers.date));
}
