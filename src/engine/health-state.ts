/** What health checks mean: the command of a configuration, when it runs next, and what its result makes of a container's health. Pure. */
import type { ContainerConfig, ContainerHealth, HealthcheckConfig, HealthResult } from './model.ts';

const keptResults = 5;
const defaultIntervalMs = 30_000;
const defaultStartIntervalMs = 5000;
const defaultTimeoutMs = 30_000;
const defaultRetries = 3;
const nanosecondsPerMs = 1e6;

/** A health check with Docker's defaults filled in; all times in milliseconds. */
export interface Healthcheck {
  command: string[];
  intervalMs: number;
  startIntervalMs: number;
  startPeriodMs: number;
  timeoutMs: number;
  retries: number;
}

/** undefined for a container without one: none is given, it is `NONE`, or of a kind that nobody knows. */
export function healthcheckOf(
  config: Pick<ContainerConfig, 'healthcheck' | 'shell'>,
): Healthcheck | undefined {
  const { healthcheck } = config;
  const command = healthcheck === undefined ? undefined : commandOf(healthcheck.test, config.shell);
  if (healthcheck === undefined || command === undefined) return undefined;
  return { command, ...timesOf(healthcheck), retries: healthcheck.retries || defaultRetries };
}

function commandOf(test: readonly string[], shell: readonly string[] | undefined): string[] | undefined {
  const [kind, ...words] = test;
  if (words.length === 0) return undefined;
  if (kind === 'CMD') return words;
  if (kind !== 'CMD-SHELL') return undefined;
  return [...(shell !== undefined && shell.length > 0 ? shell : ['/bin/sh', '-c']), ...words];
}

function timesOf(check: HealthcheckConfig): Omit<Healthcheck, 'command' | 'retries'> {
  const ms = (nanoseconds: number, fallback: number): number =>
    nanoseconds === 0 ? fallback : nanoseconds / nanosecondsPerMs;
  return {
    intervalMs: ms(check.interval, defaultIntervalMs),
    startIntervalMs: ms(check.startInterval, defaultStartIntervalMs),
    startPeriodMs: ms(check.startPeriod, 0),
    timeoutMs: ms(check.timeout, defaultTimeoutMs),
  };
}

/** Milliseconds until the next check. It is made more often while a container starts; the first one waits, too. */
export function nextCheckMs(check: Healthcheck, health: ContainerHealth, ranMs: number): number {
  const starting = ranMs < check.startPeriodMs && health.status === 'starting';
  return starting ? check.startIntervalMs : check.intervalMs;
}

/** At the start of each run: what was logged before stays. */
export function startingHealth(before: ContainerHealth | undefined): ContainerHealth {
  return { status: 'starting', failingStreak: 0, log: before?.log ?? [] };
}

/** While nothing is checked (ended or paused) a container counts as unhealthy, as in Docker. */
export function uncheckedHealth(before: ContainerHealth): ContainerHealth {
  return { ...before, status: 'unhealthy' };
}

/**
 * One success makes it healthy; as many failures in a row as there are retries make it unhealthy. Failures within the start period (`startedAt` is when the
 * run began, in milliseconds since the epoch) don't count until it was healthy once.
 */
export function healthAfter(
  health: ContainerHealth,
  result: HealthResult,
  { startPeriodMs, retries }: Pick<Healthcheck, 'startPeriodMs' | 'retries'>,
  startedAt: number,
): ContainerHealth {
  const log = [...health.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (health.status === 'starting' && result.start - startedAt < startPeriodMs) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= retries ? 'unhealthy' : health.status, failingStreak, log };
}
