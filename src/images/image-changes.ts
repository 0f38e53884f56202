/** `--change`: the Dockerfile instructions that alter an image's configuration without running anything. */
import { posix } from 'node:path';
import type { ImageProcess } from '../oci/image-config.ts';
import { parseSignal } from '../util/signals.ts';
import { healthcheckOf } from './healthcheck-change.ts';
import { expandText, invalidChange, splitWords, type Variables, variablesOf } from './image-changes-words.ts';

/** What the instructions have made so far. */
interface Changing {
  config: ImageProcess;
  /** A `CMD` was among them: an `ENTRYPOINT` leaves it then. */
  hasCommand: boolean;
}

type Change = (changing: Changing, rest: string) => void;

/** A JSON list of strings, or undefined where `rest` is none. */
export function jsonForm(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

function command(config: ImageProcess, rest: string): string[] {
  return jsonForm(rest) ?? [...(config.Shell ?? ['/bin/sh', '-c']), rest];
}

function environmentOf({ config }: Changing): Variables {
  return variablesOf(config.Env ?? []);
}

/** `KEY=VALUE …`, or Docker's old `KEY VALUE`. */
function pairsOf(changing: Changing, rest: string, instruction: string): Array<[key: string, value: string]> {
  const variables = environmentOf(changing);
  const words = splitWords(rest, variables);
  const [first] = words;
  if (first === undefined) throw invalidChange(`${instruction} requires at least one argument`);
  if (!/^\S*=/.test(rest) && !first.includes('=')) {
    const at = rest.search(/\s/);
    if (at < 0) throw invalidChange(`${instruction} must have two arguments`);
    return [[first, expandText(rest.slice(at).trim(), variables)]];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at < 1)
      throw invalidChange(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

function setEnvironment(changing: Changing, rest: string): void {
  const { config } = changing;
  const variables = new Map((config.Env ?? []).map((text) => [text.split('=', 1)[0] ?? '', text]));
  for (const [key, value] of pairsOf(changing, rest, 'ENV')) variables.set(key, `${key}=${value}`);
  config.Env = [...variables.values()];
}

function setLabels(changing: Changing, rest: string): void {
  const { config } = changing;
  config.Labels = { ...config.Labels, ...Object.fromEntries(pairsOf(changing, rest, 'LABEL')) };
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
function exposePorts(changing: Changing, rest: string): void {
  const ports: Record<string, object> = { ...changing.config.ExposedPorts };
  const words = splitWords(rest, environmentOf(changing), true);
  if (words.length === 0) throw invalidChange('EXPOSE requires at least one argument');
  for (const word of words) {
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || first < 1 || last > 65_535 || first > last)
      throw invalidChange(`Invalid containerPort: ${word}`);
    for (let port = first; port <= last; port += 1)
      ports[`${port}/${(match[3] ?? 'tcp').toLowerCase()}`] = {};
  }
  changing.config.ExposedPorts = ports;
}

function addVolumes(changing: Changing, rest: string): void {
  const variables = environmentOf(changing);
  const paths =
    jsonForm(rest)?.map((path) => expandText(path, variables)) ?? splitWords(rest, variables, true);
  if (paths.length === 0) throw invalidChange('VOLUME requires at least one argument');
  if (paths.some((path) => path.trim() === ''))
    throw invalidChange('VOLUME specified can not be an empty string');
  const volumes = Object.fromEntries(paths.map((path) => [path.trim(), {}]));
  changing.config.Volumes = { ...changing.config.Volumes, ...volumes };
}

/** The one argument of an instruction, which may not be empty once variables are put in. */
function oneArgument(changing: Changing, rest: string, instruction: string): string {
  const variables = environmentOf(changing);
  if (splitWords(rest, variables).length !== 1)
    throw invalidChange(`${instruction} requires exactly one argument`);
  return expandText(rest, variables);
}

function setWorkingDirectory(changing: Changing, rest: string): void {
  const { config } = changing;
  const path = expandText(rest, environmentOf(changing));
  if (path === '') throw invalidChange('WORKDIR requires exactly one argument');
  config.WorkingDir = posix.resolve('/', config.WorkingDir ?? '', path);
}

function setEntrypoint(changing: Changing, rest: string): void {
  const { config, hasCommand } = changing;
  config.Entrypoint = command(config, rest);
  // The image's command was meant for another program.
  if (!hasCommand) delete config.Cmd;
}

/** Instructions that may not be put off until a build. */
const noTriggers = new Set(['FROM', 'MAINTAINER']);

function addTrigger({ config }: Changing, rest: string): void {
  const [name = ''] = rest.split(/\s/, 1);
  if (rest === '') throw invalidChange('ONBUILD requires at least one argument');
  if (name.toUpperCase() === 'ONBUILD')
    throw invalidChange("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (noTriggers.has(name.toUpperCase()))
    throw invalidChange(`${name.toUpperCase()} isn't allowed as an ONBUILD trigger`);
  config.OnBuild = [...(config.OnBuild ?? []), rest];
}

const changes: Readonly<Record<string, Change>> = {
  CMD: (changing, rest) => {
    changing.config.Cmd = command(changing.config, rest);
    changing.hasCommand = true;
  },
  ENTRYPOINT: setEntrypoint,
  ENV: setEnvironment,
  EXPOSE: exposePorts,
  HEALTHCHECK: ({ config }, rest) => {
    config.Healthcheck = healthcheckOf(rest);
  },
  LABEL: setLabels,
  ONBUILD: addTrigger,
  STOPSIGNAL: (changing, rest) => {
    const signal = oneArgument(changing, rest, 'STOPSIGNAL');
    parseSignal(signal);
    changing.config.StopSignal = signal;
  },
  USER: (changing, rest) => {
    changing.config.User = oneArgument(changing, rest, 'USER');
  },
  VOLUME: addVolumes,
  WORKDIR: setWorkingDirectory,
};

/** Lines as a Dockerfile has them: comments left out, those that end in a backslash joined with the next. */
function linesOf(instructions: readonly string[]): string[] {
  const lines: string[] = [];
  let begun = '';
  for (const line of instructions.flatMap((text) => [...text.split(/\r?\n/), undefined])) {
    if (line !== undefined && /^\s*#/.test(line)) continue;
    const joined = begun + (line ?? '');
    const continued = line !== undefined && /\\\s*$/.test(line);
    begun = continued ? joined.replace(/\\\s*$/, '') : '';
    if (!continued && joined.trim() !== '') lines.push(joined.trim());
  }
  return lines;
}

/** `config` with the instructions applied in order; variables in them are those of `config` so far. EngineError `invalid-argument` in Docker's words. */
export function applyChanges(config: ImageProcess, instructions: readonly string[]): ImageProcess {
  const changing: Changing = { config: structuredClone(config), hasCommand: false };
  for (const line of linesOf(instructions)) {
    const [name = ''] = line.split(/\s/, 1);
    const change = changes[name.toUpperCase()];
    if (change === undefined) throw invalidChange(`${name} is not a valid change command`);
    change(changing, line.slice(name.length).trim());
  }
  return changing.config;
}
