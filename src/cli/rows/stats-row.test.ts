/** Rows of `gantry stats`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CpuStats, StatsResponse } from '../../wire/stats.ts';
import { formatRows } from '../output/format-rows.ts';
import { statsLayout, statsRow } from './stats-row.ts';

function cpu(used: number, host: number): CpuStats {
  return {
    cpu_usage: { total_usage: used, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    system_cpu_usage: host,
    online_cpus: 4,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

const io = { rx_packets: 0, rx_errors: 0, rx_dropped: 0, tx_packets: 0, tx_errors: 0, tx_dropped: 0 };
const stats: StatsResponse = {
  name: '/web',
  id: 'a'.repeat(64),
  read: '2026-01-01T00:00:01Z',
  preread: '2026-01-01T00:00:00Z',
  pids_stats: { current: 3 },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: 'Read', value: 1_500_000 },
      { major: 8, minor: 0, op: 'write', value: 20 },
      { major: 8, minor: 0, op: 'Total', value: 99 },
    ],
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
  num_procs: 0,
  storage_stats: {},
  cpu_stats: cpu(600, 4000),
  precpu_stats: cpu(100, 3000),
  memory_stats: { usage: 3 * 2 ** 20, limit: 10 * 2 ** 20, stats: { total_inactive_file: 2 ** 20 } },
  networks: { eth0: { ...io, rx_bytes: 1000, tx_bytes: 5 }, eth1: { ...io, rx_bytes: 234, tx_bytes: 0 } },
};

test('shares, sizes and sums', () => {
  const row = statsRow({ container: 'web', stats }, true);
  const format =
    '{{.Container}}|{{.ID}}|{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.MemPerc}}|{{.NetIO}}|{{.BlockIO}}|{{.PIDs}}';
  assert.equal(
    formatRows(format, false, statsLayout, [row]),
    `web|${'a'.repeat(12)}|web|200.00%|2MiB / 10MiB|20.00%|1.23kB / 5B|1.5MB / 20B|3\n`,
  );
});

test('what is not known yet', () => {
  const row = statsRow({ container: 'web', stats: undefined }, true);
  assert.match(formatRows('', false, statsLayout, [row]), /\n +-- +-- +-- \/ -- +-- +-- +-- +--\n$/);
});
