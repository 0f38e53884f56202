/** Every scenario, by name. */
import type { Scenario } from '../side.ts';
import { wrongRequests, wrongVersions } from './errors.ts';
import { inspectContainers } from './inspect.ts';
import { mountForms } from './mounts.ts';
import { sessions } from './sessions.ts';

export const allScenarios: Record<string, Scenario> = {
  inspect: inspectContainers,
  errors: wrongRequests,
  versions: wrongVersions,
  mounts: mountForms,
  ...sessions,
};
