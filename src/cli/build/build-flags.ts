/** The flags of `gantry build`: docker's of both builders, and two of Gantry's own. */

import type { FlagValues } from '../flags/flag.ts';
import { bytes, integer, list, text, toggle } from '../flags/kinds.ts';
import { checkAddHost, checkLabel } from '../run-config/flag-checks.ts';
import { parseUlimit } from '../run-config/ulimit-flag.ts';

const files = 'Files';
const image = 'Image';
const cache = 'Cache';
const steps = 'Steps';
const limits = 'Limits';
const shown = 'Output';

export const buildFlags = {
  file: text('Name of the Dockerfile (Default is "PATH/Dockerfile"); "-" reads it from STDIN', {
    short: 'f',
    group: files,
  }),
  'build-context': list('Additional build contexts (e.g., name=path)', { type: 'stringArray', group: files }),
  target: text('Set the target build stage to build.', { group: files }),
  compress: toggle('Compress the build context using gzip', { group: files }),
  tag: list('Name and optionally a tag in the "name:tag" format', { short: 't', group: image }),
  label: list('Set metadata for an image', { group: image, check: checkLabel }),
  annotation: list('Add annotation to the image', { type: 'stringArray', group: image }),
  platform: text('Set platform if server is multi-platform capable', { group: image }),
  output: list('Output destination (format: "type=local,dest=path")', {
    short: 'o',
    type: 'stringArray',
    group: image,
  }),
  load: toggle('Shorthand for "--output=type=docker"', { group: image }),
  push: toggle('Shorthand for "--output=type=registry"', { group: image }),
  squash: toggle('Squash newly built layers into a single new layer', { group: image }),
  iidfile: text('Write the image ID to the file', { group: image }),
  'metadata-file': text('Write build result metadata to a file', { group: image }),
  'no-cache': toggle('Do not use cache when building the image', { group: cache }),
  'no-cache-filter': list('Do not cache specified stages', { type: 'stringArray', group: cache }),
  'cache-from': list('Images to consider as cache sources', { type: 'strings', group: cache }),
  'cache-to': list('Cache export destinations (e.g., "user/app:cache", "type=local,dest=path")', {
    type: 'stringArray',
    group: cache,
  }),
  pull: toggle('Always attempt to pull a newer version of the image', { group: cache }),
  'build-arg': list('Set build-time variables', { group: steps }),
  secret: list('Secret to expose to the build (format: "id=mysecret[,src=/local/secret]")', {
    type: 'stringArray',
    group: steps,
  }),
  ssh: list('SSH agent socket to expose to the build (format: "default|<id>[=<socket>]")', {
    type: 'stringArray',
    group: steps,
  }),
  network: text('Set the networking mode for the RUN instructions during build', {
    initial: 'default',
    group: steps,
  }),
  'add-host': list('Add a custom host-to-IP mapping ("host:ip")', { group: steps, check: checkAddHost }),
  allow: list('Allow extra privileged entitlement (e.g., "network.host", "security.insecure")', {
    type: 'stringArray',
    group: steps,
  }),
  'security-opt': list('Security options', { type: 'strings', group: steps }),
  memory: bytes('Memory limit', { short: 'm', group: limits }),
  'memory-swap': bytes('Swap limit equal to memory plus swap: -1 to enable unlimited swap', {
    unlimited: true,
    group: limits,
  }),
  'cpu-shares': integer('CPU shares (relative weight)', { short: 'c', group: limits }),
  'cpu-period': integer('Limit the CPU CFS (Completely Fair Scheduler) period', { group: limits }),
  'cpu-quota': integer('Limit the CPU CFS (Completely Fair Scheduler) quota', { group: limits }),
  'cpuset-cpus': text('CPUs in which to allow execution (0-3, 0,1)', { group: limits }),
  'cpuset-mems': text('MEMs in which to allow execution (0-3, 0,1)', { group: limits }),
  'shm-size': bytes('Size of "/dev/shm"', { group: limits }),
  ulimit: parseUlimit('Ulimit options', limits),
  'cgroup-parent': text('Set the parent cgroup for the "RUN" instructions during build', { group: limits }),
  progress: text('Set type of progress output (auto, plain, tty, rawjson, quiet)', {
    initial: 'auto',
    group: shown,
  }),
  quiet: toggle('Suppress the build output and print image ID on success', { short: 'q', group: shown }),
  why: toggle('Say of each step why it was not taken from the cache', { group: shown }),
  check: toggle('Check the Dockerfile, and build nothing', { group: shown }),
  call: text('Set method for evaluating build ("check", "outline", "targets")', {
    initial: 'build',
    group: shown,
    hidden: true,
  }),
  rm: toggle('Remove intermediate containers after a successful build', { initial: true, group: shown }),
  'force-rm': toggle('Always remove intermediate containers', { group: shown }),
  'disable-content-trust': toggle('Skip image verification', { initial: true, group: shown }),
  isolation: text('Container isolation technology', { group: shown }),
  builder: text('Override the configured builder instance', { hidden: true, group: shown }),
  provenance: text('Shorthand for "--attest=type=provenance"', { hidden: true, group: shown }),
  sbom: text('Shorthand for "--attest=type=sbom"', { hidden: true, group: shown }),
} as const;

export type BuildFlags = FlagValues<typeof buildFlags>;
