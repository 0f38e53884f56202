/** `--secret` and `--ssh`: what a build may ask for, and where it is here. */
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import type { Io } from '../io.ts';
import { fileError } from '../run-config/variables.ts';
import { fieldsOf } from './output-flags.ts';

const maxSecret = 500 * 1024;

/** By ID: reads it when the build asks. */
export type Secrets = ReadonlyMap<string, () => Buffer>;

/** Files must be there before the build begins. EngineErrors `invalid-argument`. */
export function secretsOf(values: readonly string[], env: Io['env']): Secrets {
  return new Map(values.map((value) => secretOf(value, env)));
}

function secretOf(value: string, env: Io['env']): [string, () => Buffer] {
  const fields = fieldsOf('secret', value);
  const type = fields.get('type') ?? '';
  const id = fields.get('id');
  if (id === undefined || id === '')
    throw new EngineError('invalid-argument', `a secret without an id: ${value}`, {
      hint: 'Write --secret id=NAME,src=FILE.',
    });
  const source = fields.get('src') ?? fields.get('source');
  const variable = fields.get('env') ?? (type === 'env' ? (source ?? id) : undefined);
  if (variable !== undefined) return [id, () => ofVariable(variable, env)];
  if (source === undefined && type === '' && env[id] !== undefined) return [id, () => ofVariable(id, env)];
  const path = source ?? id;
  checkFile(path);
  return [id, () => readFileSync(path)];
}

function ofVariable(name: string, env: Io['env']): Buffer {
  const value = env[name];
  if (value === undefined) throw new EngineError('not-found', `the environment has no variable ${name}`);
  return Buffer.from(value);
}

function checkFile(path: string): void {
  try {
    const { size } = statSync(path);
    if (size <= maxSecret) return;
  } catch (error) {
    throw fileError('stat', path, error);
  }
  throw new EngineError('invalid-argument', `the secret ${path} is larger than ${maxSecret} bytes`);
}

/** By ID: opens a connection to the agent. */
export type Agents = ReadonlyMap<string, () => Duplex>;

export function agentsOf(values: readonly string[], env: Io['env']): Agents {
  return new Map(values.map((value) => agentOf(value, env)));
}

function agentOf(value: string, env: Io['env']): [string, () => Duplex] {
  const equals = value.indexOf('=');
  const id = equals < 0 ? value : value.slice(0, equals);
  const path = equals < 0 ? env['SSH_AUTH_SOCK'] : value.slice(equals + 1);
  if (path === undefined || path === '')
    throw new EngineError('invalid-argument', `invalid empty ssh agent socket for ${id}`, {
      hint: 'Start an agent (eval $(ssh-agent); ssh-add), so that SSH_AUTH_SOCK is set.',
    });
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket())
    throw new EngineError('invalid-argument', `--ssh ${value}: ${path} is no socket of an agent`, {
      hint: 'Add keys to an agent with ssh-add; key files are not read here.',
    });
  return [id, () => connect(path)];
}
