/** Checks of a new container that concern neither isolation nor mounts, in Docker's words. */
import { EngineError } from '../errors/engine-error.ts';
import { parseExtraHost } from '../network/hosts-file.ts';
import { parseSignal } from '../util/signals.ts';
import type { Completed } from './create-complete.ts';
import type { CreateRequest } from './create-request.ts';
import { validateEgress } from './egress.ts';
import type { Engine } from './engine.ts';
import { wantsRestartOnUnhealthy } from './health-restart.ts';
import { checkHealthcheck } from './health-validate.ts';
import { validateLogConfig } from './log/drivers.ts';
import type { ContainerConfig } from './model.ts';
import { isDefaultMode } from './network-mode.ts';
import { findBridge } from './networks-of-container.ts';
import { validateEndpoint } from './networks-validate.ts';
import { portRequests, publishFromOf } from './ports.ts';
import type { RestartPolicy } from './restart-policy.ts';
import { runtimeProgram } from './runtimes.ts';
import { validateHostConfig } from './spec/host-config.ts';
import { checkStorageOptions } from './storage-options.ts';

function invalid(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

/** Returns warnings for the user. */
export function validateCreate(engine: Engine, request: CreateRequest, completed: Completed): string[] {
  const { config, hostConfig } = completed;
  validateProcess(config);
  validateRestart(hostConfig.restartPolicy, hostConfig.autoRemove);
  if (hostConfig.autoRemove && wantsRestartOnUnhealthy(completed))
    throw invalid("can't create 'AutoRemove' container that restarts when it is unhealthy");
  checkStorageOptions(hostConfig.storageOpt, engine.config.dataRoot);
  validateLogConfig(hostConfig.logConfig);
  runtimeProgram(engine.config, engine.host, hostConfig.runtime);
  validateNetwork(engine, request);
  portRequests(config.exposedPorts, hostConfig, engine.config.defaultAddress);
  publishFromOf(completed);
  for (const entry of hostConfig.extraHosts) parseExtraHost(entry);
  /* What the image exposes, and a hostname that was made up, conflict with nothing. */
  const own = { ...config, hostname: request.config.hostname, exposedPorts: request.config.exposedPorts };
  const warnings = validateHostConfig(own, hostConfig, engine.host, {
    cgroupDriver: engine.config.cgroupDriver,
  });
  return [...warnings, ...validateEgress(engine, { ...completed, endpointConfigs: request.endpointConfigs })];
}

function validateProcess(config: ContainerConfig): void {
  if (config.workingDir !== '' && !config.workingDir.startsWith('/')) {
    throw invalid(`the working directory '${config.workingDir}' is invalid, it needs to be an absolute path`);
  }
  const unnamed = config.env.find((entry) => entry === '' || entry.startsWith('='));
  if (unnamed !== undefined) throw invalid(`invalid environment variable: ${unnamed}`);
  if (config.stopSignal !== undefined) parseSignal(config.stopSignal);
  checkHealthcheck(config.healthcheck);
}

/** EngineError `invalid-argument` in Docker's words. */
export function validateRestart(policy: RestartPolicy, autoRemove: boolean): void {
  const { name, maximumRetryCount: retries } = policy;
  const known: readonly string[] = ['no', 'always', 'on-failure', 'unless-stopped'];
  if (!known.includes(name)) {
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (retries < 0) throw invalid('invalid restart policy: maximum retry count cannot be negative');
  if (retries > 0 && name !== 'on-failure') {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (autoRemove && name !== 'no') throw invalid("can't create 'AutoRemove' container with restart policy");
}

/** A network that is not there is the start's error, as in Docker: clients take a 404 of create for a missing image, and would pull it. */
function validateNetwork(engine: Engine, request: CreateRequest): void {
  for (const [name, endpoint] of Object.entries(request.endpointConfigs))
    validateEndpoint(name, endpoint, findBridge(engine, isDefaultMode(name) ? 'bridge' : name));
}
