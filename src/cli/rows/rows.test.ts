/** Rows of ps and images show what docker's do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSummary } from '../../wire/container.ts';
import type { ImageSummary } from '../../wire/image.ts';
import { formatRows } from '../output/format-rows.ts';
import { containerLayout, containerRow } from './container-row.ts';
import { displayPorts } from './display-ports.ts';
import { imageLayout, imageRows } from './image-row.ts';
import { usageLayout, usageRows } from './usage-row.ts';

const tcp = (PrivatePort: number, PublicPort?: number, IP?: string) => ({
  PrivatePort,
  Type: 'tcp',
  ...(PublicPort === undefined ? {} : { PublicPort }),
  ...(IP === undefined ? {} : { IP }),
});

test('ports: ranges together, mappings apart, IPv6 in brackets', () => {
  assert.equal(displayPorts([tcp(80)]), '80/tcp');
  assert.equal(displayPorts([tcp(82), tcp(80), tcp(81), tcp(90)]), '80-82/tcp, 90/tcp');
  assert.equal(
    displayPorts([tcp(80, 8080, '0.0.0.0'), tcp(80, 8080, '::')]),
    '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  );
  assert.equal(
    displayPorts([tcp(80, 80, '::1'), tcp(81, 81, '::1'), tcp(9)]),
    '9/tcp, [::1]:80-81->80-81/tcp',
  );
});

const container: ContainerSummary = {
  Id: 'a'.repeat(64),
  Names: ['/web', '/other/link'],
  Image: 'busybox:1@sha256:'.concat('b'.repeat(64)),
  ImageID: `sha256:${'c'.repeat(64)}`,
  Command: 'sh -c "while true; do sleep 1; done"',
  Created: Math.floor(Date.now() / 1000) - 7200,
  Ports: [tcp(80, 8080, '0.0.0.0')],
  SizeRw: 1234,
  SizeRootFs: 5_000_000,
  Labels: { b: '2', a: '1' },
  State: 'running',
  Status: 'Up 2 hours',
  HostConfig: { NetworkMode: 'default' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
};

test('ps: the table, and the same in full', () => {
  assert.equal(
    formatRows('', false, containerLayout(false), [containerRow(container, true)]),
    [
      'CONTAINER ID   IMAGE       COMMAND                   CREATED       STATUS       PORTS                  NAMES',
      'aaaaaaaaaaaa   busybox:1   "sh -c \\"while true; …"   2 hours ago   Up 2 hours   0.0.0.0:8080->80/tcp   web',
      '',
    ].join('\n'),
  );
  const full = (format: string) =>
    formatRows(format, false, containerLayout(false), [containerRow(container, false)]);
  assert.equal(full('{{.ID}} {{.Names}}'), `${container.Id} web,other/link\n`);
  assert.equal(full('{{.Labels}} {{.Label "b"}} {{.Size}}'), 'a=1,b=2 2 1.23kB (virtual 5MB)\n');
  assert.equal(
    full('table {{.Names}}\\t{{.Label "com.example.some-name"}}'),
    'NAMES            some name\nweb,other/link   \n',
  );
  assert.equal(
    formatRows('', true, containerLayout(false), [containerRow(container, true)]),
    'aaaaaaaaaaaa\n',
  );
});

const image: ImageSummary = {
  Id: `sha256:${'d'.repeat(64)}`,
  ParentId: '',
  RepoTags: ['busybox:1', 'localhost:5000/bb:2'],
  RepoDigests: [`busybox@sha256:${'e'.repeat(64)}`, `other@sha256:${'f'.repeat(64)}`],
  Created: Math.floor(Date.now() / 1000) - 60,
  Size: 4_261_502,
  SharedSize: -1,
  Labels: null,
  Containers: -1,
};

test('images: a row for each name, and for each digest where they are asked for', () => {
  const format = '{{.Repository}} {{.Tag}} {{.Digest}} {{.Size}} {{.SharedSize}}';
  const rows = (digests: boolean) =>
    formatRows(format, false, imageLayout(digests), imageRows(image, { digests, truncate: true }));
  assert.equal(
    rows(false),
    'busybox 1 <none> 4.26MB N/A\nlocalhost:5000/bb 2 <none> 4.26MB N/A\nother <none>  4.26MB N/A\n',
  );
  assert.match(
    rows(true),
    /^busybox 1 sha256:e{64} .*\nlocalhost:5000\/bb 2 <none> .*\nother <none> sha256:f{64} /,
  );
  const dangling = imageRows({ ...image, RepoTags: [], RepoDigests: [] }, { digests: false, truncate: true });
  assert.equal(
    formatRows('{{.Repository}}:{{.Tag}} {{.ID}}', false, imageLayout(false), dangling),
    '<none>:<none> dddddddddddd\n',
  );
});

test('disk usage: what is in use cannot be freed', () => {
  const rows = usageRows({
    LayersSize: 1000,
    Images: [{ ...image, Containers: 1, Size: 400, SharedSize: 0 }, image],
    Containers: [container, { ...container, State: 'exited', SizeRw: 766 }],
    Volumes: [
      {
        Name: 'v',
        Driver: 'local',
        Mountpoint: '',
        Labels: null,
        Scope: 'local',
        Options: null,
        UsageData: { Size: 10, RefCount: 0 },
      },
    ],
    BuildCache: null,
  });
  assert.equal(
    formatRows('{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}', false, usageLayout, rows),
    'Images 2 1 1kB 600B (60%)\nContainers 2 1 2kB 766B (38%)\nLocal Volumes 1 0 10B 10B (100%)\nBuild Cache 0 0 0B 0B\n',
  );
});
