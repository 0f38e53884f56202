/** `gantry update`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { UpdateResponse } from '../../../wire/update.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { bytes, cpus, integer, text } from '../../flags/kinds.ts';
import { restartPolicy } from '../../run-config/create-request.ts';

export const update = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  description: 'What is given changes at once where the container runs, and stays for its next starts.',
  examples: [
    ['update -m 512m --memory-swap 1g web', 'Another limit of memory'],
    ['update --cpus 1.5 web db', 'Another share of the processors'],
    ['update --restart unless-stopped web', 'Another restart policy'],
  ],
  arguments: [1, anyNumber],
  flags: {
    'blkio-weight': integer('Block IO (relative weight), between 10 and 1000, or 0 to disable', {
      type: 'uint16',
      least: 0,
      shownDefault: '0',
    }),
    'cpu-period': integer('Limit CPU CFS (Completely Fair Scheduler) period'),
    'cpu-quota': integer('Limit CPU CFS (Completely Fair Scheduler) quota'),
    'cpu-rt-period': integer('Limit the CPU real-time period in microseconds'),
    'cpu-rt-runtime': integer('Limit the CPU real-time runtime in microseconds'),
    'cpu-shares': integer('CPU shares (relative weight)', { short: 'c' }),
    cpus: cpus('Number of CPUs'),
    'cpuset-cpus': text('CPUs in which to allow execution (0-3, 0,1)'),
    'cpuset-mems': text('MEMs in which to allow execution (0-3, 0,1)'),
    'kernel-memory': bytes('Kernel memory limit', { hidden: true }),
    memory: bytes('Memory limit', { short: 'm' }),
    'memory-reservation': bytes('Memory soft limit'),
    'memory-swap': bytes('Swap limit equal to memory plus swap: -1 to enable unlimited swap', {
      unlimited: true,
    }),
    'pids-limit': integer('Tune container pids limit (set -1 for unlimited)'),
    restart: text('Restart policy to apply when a container exits'),
  },
  run: async (context, { flags, given, positional }) => {
    if (given.size === 0)
      throw new EngineError('invalid-argument', 'you must provide one or more flags when using this command');
    const json = {
      BlkioWeight: flags['blkio-weight'],
      CpuPeriod: flags['cpu-period'],
      CpuQuota: flags['cpu-quota'],
      CpuRealtimePeriod: flags['cpu-rt-period'],
      CpuRealtimeRuntime: flags['cpu-rt-runtime'],
      CpuShares: flags['cpu-shares'],
      NanoCpus: flags.cpus,
      CpusetCpus: flags['cpuset-cpus'],
      CpusetMems: flags['cpuset-mems'],
      Memory: flags.memory,
      MemoryReservation: flags['memory-reservation'],
      MemorySwap: flags['memory-swap'],
      ...(given.has('pids-limit') ? { PidsLimit: flags['pids-limit'] } : {}),
      RestartPolicy: restartPolicy(flags.restart),
    };
    const warnings: string[] = [];
    const code = await forEachArgument(context, positional, async (name) => {
      const path = `/containers/${segment(name)}/update`;
      const answer = await context.client.call<UpdateResponse>('POST', path, { json });
      warnings.push(...(answer.Warnings ?? []));
      return undefined;
    });
    if (warnings.length > 0) context.io.stdout.write(`${warnings.join('\n')}\n`);
    return code;
  },
});
