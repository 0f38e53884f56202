/** What log drivers tell of a container beside its messages. */
import { hostname } from 'node:os';
import type { ContainerRecord } from '../model.ts';
import { extraAttributes } from './attributes.ts';
import { expandTag, type TagFields } from './template.ts';

export interface LogContext {
  id: string;
  /** Without a slash. */
  name: string;
  imageId: string;
  imageName: string;
  /** Program and arguments. */
  command: string;
  createdAt: number;
  hostname: string;
  tag: string;
  /** Labels and variables that the log options name. */
  attributes: Record<string, string>;
}

export type LogSubject = Pick<
  ContainerRecord,
  'id' | 'name' | 'imageId' | 'path' | 'args' | 'createdAt' | 'config' | 'hostConfig'
>;

const defaultTag = '{{.ID}}';

/** EngineError `invalid-argument` for a bad tag or pattern. */
export function logContext(record: LogSubject): LogContext {
  const options = record.hostConfig.logConfig.config;
  return {
    id: record.id,
    name: record.name,
    imageId: record.imageId,
    imageName: record.config.image,
    command: [record.path, ...record.args].join(' '),
    createdAt: record.createdAt,
    hostname: hostname(),
    tag: expandTag(options['tag'] || defaultTag, tagFields(record)),
    attributes: extraAttributes(record.config, options),
  };
}

/** Docker's names of what a tag may hold. */
export function tagFields(record: LogSubject): TagFields {
  const command = [record.path, ...record.args];
  return {
    ID: record.id.slice(0, 12),
    FullID: record.id,
    Name: record.name,
    ImageID: record.imageId.replace(/^sha256:/, '').slice(0, 12),
    ImageFullID: record.imageId,
    ImageName: record.config.image,
    Command: command.join(' '),
    Hostname: hostname(),
    DaemonName: 'gantry',
    ContainerID: record.id,
    ContainerName: `/${record.name}`,
    ContainerEntrypoint: record.path,
    ContainerArgs: record.args,
    ContainerImageID: record.imageId,
    ContainerImageName: record.config.image,
    ContainerEnv: record.config.env,
    ContainerLabels: record.config.labels,
    ContainerCreated: new Date(record.createdAt).toISOString(),
  };
}
