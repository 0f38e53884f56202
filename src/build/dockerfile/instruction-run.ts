/** RUN, and what else holds a command: CMD, ENTRYPOINT, SHELL. */

import { quoted } from '../../util/characters.ts';
import type { CmdInstruction, EntrypointInstruction, RunInstruction, ShellInstruction } from './ast.ts';
import { parseDevice } from './devices.ts';
import { commandOf, flagsOf, type InstructionContext, invalid, needsOne } from './instruction-context.ts';
import { checkMountSource } from './mounts.ts';
import { parseJsonArray } from './split.ts';
import { didYouMean, suggestion } from './suggest.ts';

const networks = ['default', 'none', 'host'] as const;
const securities = ['sandbox', 'insecure'] as const;

export function readRun(context: InstructionContext): RunInstruction {
  const flags = flagsOf(context, {
    mount: 'strings',
    network: 'string',
    security: 'string',
    device: 'strings',
  });
  const mounts = flags.strings('mount');
  const devices = flags.strings('device');
  for (const mount of mounts) checkMountSource(mount);
  for (const device of devices) parseDevice(device);
  return {
    ...context.base,
    kind: 'run',
    command: commandOf(context.rest, context.heredocs),
    mounts,
    network: networkOf(flags.string('network') ?? 'default'),
    security: securityOf(flags.string('security') ?? 'sandbox'),
    devices,
  };
}

function networkOf(text: string): (typeof networks)[number] {
  const found = networks.find((mode) => mode === text);
  if (found !== undefined) return found;
  throw invalid(
    `invalid network mode ${quoted(text)}${didYouMean(suggestion(text, networks))}`,
    'use default, none or host',
  );
}

function securityOf(text: string): (typeof securities)[number] {
  const found = securities.find((mode) => mode === text);
  if (found !== undefined) return found;
  throw invalid(
    `security ${quoted(text)} is not valid${didYouMean(suggestion(text, securities))}`,
    'use sandbox or insecure',
  );
}

export function readCmd(context: InstructionContext): CmdInstruction {
  flagsOf(context);
  return { ...context.base, kind: 'cmd', command: commandOf(context.rest) };
}

export function readEntrypoint(context: InstructionContext): EntrypointInstruction {
  flagsOf(context);
  return { ...context.base, kind: 'entrypoint', command: commandOf(context.rest) };
}

export function readShell(context: InstructionContext): ShellInstruction {
  flagsOf(context);
  const shell = parseJsonArray(context.rest);
  if (context.rest === '' || shell?.length === 0) throw needsOne(context, 'SHELL ["/bin/bash", "-c"]');
  if (shell !== undefined) return { ...context.base, kind: 'shell', shell };
  throw invalid(
    'SHELL requires the arguments to be in JSON form',
    'write the shell and its flags as a JSON array: SHELL ["/bin/bash", "-c"]',
  );
}
