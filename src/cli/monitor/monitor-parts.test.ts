/** The monitor's parts without a terminal: figures, order, keys, columns, texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSummary } from '../../wire/container.ts';
import type { StatsResponse } from '../../wire/stats.ts';
import { chooseColumns, containerLine, headingLine } from './columns.ts';
import { type Figures, figuresOf } from './figures.ts';
import { decodeKeys } from './keys.ts';
import { arrange, healthOf, type Monitored, nameOf } from './listing.ts';
import { Pane } from './pane.ts';
import { fit, harmless, shortSize } from './text.ts';

const throttling_data = { periods: 0, throttled_periods: 0, throttled_time: 0 };

function cpu(total: number, system: number | undefined, online = 4): StatsResponse['cpu_stats'] {
  const cpu_usage = { total_usage: total, usage_in_kernelmode: 0, usage_in_usermode: 0 };
  return {
    cpu_usage,
    online_cpus: online,
    throttling_data,
    ...(system === undefined ? {} : { system_cpu_usage: system }),
  };
}

const noBlocks = {
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

function sample(seconds: number, bytes: number): StatsResponse {
  const rest = { rx_packets: 0, rx_errors: 0, rx_dropped: 0, tx_packets: 0, tx_errors: 0, tx_dropped: 0 };
  return {
    name: '/a',
    id: 'a',
    read: new Date(seconds * 1000).toISOString(),
    preread: '',
    pids_stats: { current: 3 },
    blkio_stats: {
      ...noBlocks,
      io_service_bytes_recursive: [
        { major: 8, minor: 0, op: 'Read', value: bytes },
        { major: 8, minor: 16, op: 'read', value: bytes },
        { major: 8, minor: 0, op: 'Write', value: 2 * bytes },
        { major: 8, minor: 0, op: 'Total', value: 9 * bytes },
      ],
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(150, 2000),
    precpu_stats: cpu(100, 1000),
    memory_stats: { usage: 1000, limit: 5000, stats: { inactive_file: 300 } },
    networks: {
      eth0: { rx_bytes: bytes, tx_bytes: 0, ...rest },
      eth1: { rx_bytes: bytes, tx_bytes: 5, ...rest },
    },
  };
}

test('shares and rates are those of the time between two samples', () => {
  const first = figuresOf(sample(10, 1000), undefined);
  assert.equal(first.cpuPercent, 20);
  assert.equal(first.memory, 700);
  assert.deepEqual([first.received, first.sent, first.read, first.written], [2000, 5, 2000, 2000]);
  assert.deepEqual([first.receiveRate, first.readRate], [0, 0]);
  const second = figuresOf(sample(12, 3000), first);
  assert.deepEqual(
    [second.receiveRate, second.sendRate, second.readRate, second.writeRate],
    [2000, 0, 2000, 2000],
  );
  assert.equal(figuresOf(sample(14, 10), second).receiveRate, 0, 'counters begin anew with the container');
  const begin = { ...sample(1, 0), precpu_stats: cpu(0, undefined) };
  assert.equal(figuresOf(begin, undefined).cpuPercent, 0, 'without a sample before there is no share');
  const cached = {
    ...sample(1, 0),
    memory_stats: { usage: 1000, stats: { total_inactive_file: 400, inactive_file: 1 } },
  };
  assert.equal(figuresOf(cached, undefined).memory, 600);
});

const still: Figures = figuresOf(sample(1, 0), undefined);

function monitored(name: string, state: string, figures?: Partial<Figures>): Monitored {
  const summary: ContainerSummary = {
    Id: name.padEnd(64, '0'),
    Names: [`/${name}`],
    Image: 'busybox',
    ImageID: '',
    Command: 'sh',
    Created: name.charCodeAt(0),
    Ports: [],
    Labels: {},
    State: state,
    Status: state === 'running' ? 'Up 2 minutes (unhealthy)' : 'Exited (0) 5 seconds ago',
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
  return { summary, figures: figures === undefined ? undefined : { ...still, ...figures } };
}

test('what runs comes first, then the order that was asked for', () => {
  const all = [
    monitored('c', 'exited'),
    monitored('b', 'running', { cpuPercent: 1, memory: 9, receiveRate: 1 }),
    monitored('a', 'running', { cpuPercent: 5, memory: 1, writeRate: 7 }),
  ];
  const names = (key: Parameters<typeof arrange>[1]['key'], reverse = false, needle = '') =>
    arrange(all, { key, reverse, needle }).map(nameOf).join('');
  assert.equal(names('cpu'), 'abc');
  assert.equal(names('cpu', true), 'bac');
  assert.equal(names('memory'), 'bac');
  assert.equal(names('network'), 'bac');
  assert.equal(names('disk'), 'abc');
  assert.equal(names('name', true), 'bac');
  assert.equal(names('age'), 'bac');
  assert.equal(names('cpu', false, 'EXITED'), 'c');
  assert.equal(names('cpu', false, 'zork'), '');
  assert.equal(healthOf({ ...monitored('a', 'running').summary }), 'unhealthy');
  assert.equal(healthOf({ ...monitored('a', 'exited').summary }), '');
});

test('keys have names, letters are themselves, unknown sequences are nothing', () => {
  assert.deepEqual(decodeKeys('a\x1b[A\x1bOB\x1b[6~é\r\x7f\x1b\x03'), [
    'a',
    'up',
    'down',
    'page-down',
    'é',
    'enter',
    'backspace',
    'escape',
    'ctrl-c',
  ]);
  assert.deepEqual(decodeKeys('\x1b[200~x\x1b[1;5D\x00'), ['x']);
});

test('lines never exceed the width, and columns go one after the other', () => {
  const row = monitored('a-very-long-name-of-a-container-in-production', 'running', {});
  let before = 99;
  for (let width = 180; width >= 30; width -= 1) {
    const columns = chooseColumns(width);
    assert.ok(columns.length <= before, `${width}: a column comes back`);
    before = columns.length;
    assert.ok([...headingLine(columns, 'cpu', false)].length <= width, String(width));
    assert.ok([...containerLine(columns, row)].length <= width, String(width));
  }
  assert.equal(before, 3);
  assert.match(headingLine(chooseColumns(120), 'memory', true), /MEMORY↑/);
});

test('texts of strangers cannot move the cursor', () => {
  assert.equal(harmless('a\x1b[2Jb\x1b]0;title\x07c\td\r\x9be\x1bcf'), 'abc    def');
  assert.equal(fit('a\x1b[1mb', 4), 'ab  ');
  assert.equal(fit('abcdef', 4), 'abc…');
  assert.equal(fit('ab', 4, 'right'), '  ab');
  assert.equal(fit('ab', 0), '');
  assert.deepEqual([0, 999, 1000, 1536, 300_000_000, 1024 ** 4].map(shortSize), [
    '0B',
    '999B',
    '1.0k',
    '1.5k',
    '286M',
    '1.0T',
  ]);
});

test('a pane follows its end, stays where it was scrolled to, and follows again', () => {
  const pane = new Pane('log', true);
  pane.add(Array.from({ length: 30 }, (_, index) => String(index)));
  assert.equal(pane.view(10).top, 20);
  assert.ok(pane.move('page-up', 10));
  pane.add(['30', '31']);
  assert.equal(pane.view(10).top, 10);
  pane.move('end', 10);
  pane.add(['32']);
  assert.equal(pane.view(10).top, 23);
  pane.move('home', 10);
  pane.add(Array.from({ length: 6000 }, () => 'x'));
  assert.equal(pane.lines.length, 5000);
  assert.equal(pane.view(10).top, 0);
  assert.ok(!pane.move('z', 10));
});
