/** `--change`: the Dockerfile instructions that alter an image's configuration without running anything. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageProcess } from '../oci/image-config.ts';
import { healthcheckOf } from './healthcheck-change.ts';

type Change = (config: ImageProcess, rest: string) => void;

/** Splits like a shell does, quotes and backslashes taken off; no variables. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s*((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)/gsy;
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    words.push(unquote(match[1] ?? ''));
    end = pattern.lastIndex;
  }
  if (text.slice(end).trim() !== '') throw invalid(`unbalanced quotes in ${text}`);
  return words;
}

function unquote(word: string): string {
  return word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs, (_, double, single, escaped) => {
    if (double !== undefined) return String(double).replace(/\\(["\\$`])/g, '$1');
    return String(single ?? escaped);
  });
}

function invalid(what: string): EngineError {
  return new EngineError('invalid-argument', what, {
    hint: 'give one Dockerfile instruction, for example --change \'CMD ["sh"]\'',
  });
}

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

/** `KEY=VALUE …`, or Docker's old `KEY VALUE`. */
function pairsOf(rest: string, instruction: string): Array<[key: string, value: string]> {
  const words = splitWords(rest);
  const first = words[0];
  if (first === undefined) throw invalid(`${instruction} requires at least one argument`);
  if (!first.includes('=')) {
    if (words.length < 2) throw invalid(`${instruction} must have two arguments`);
    return [[first, rest.slice(rest.search(/\s/)).trim()]];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw invalid(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

function setEnvironment(config: ImageProcess, rest: string): void {
  const variables = new Map((config.Env ?? []).map((text) => [text.split('=', 1)[0] ?? '', text]));
  for (const [key, value] of pairsOf(rest, 'ENV')) variables.set(key, `${key}=${value}`);
  config.Env = [...variables.values()];
}

function setLabels(config: ImageProcess, rest: string): void {
  config.Labels = { ...config.Labels, ...Object.fromEntries(pairsOf(rest, 'LABEL')) };
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
function exposePorts(config: ImageProcess, rest: string): void {
  const ports: Record<string, object> = { ...config.ExposedPorts };
  const words = splitWords(rest);
  if (words.length === 0) throw invalid('EXPOSE requires at least one argument');
  for (const word of words) {
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || first < 1 || last > 65_535 || first > last)
      throw invalid(`Invalid containerPort: ${word}`);
    for (let port = first; port <= last; port += 1)
      ports[`${port}/${(match[3] ?? 'tcp').toLowerCase()}`] = {};
  }
  config.ExposedPorts = ports;
}

function addVolumes(config: ImageProcess, rest: string): void {
  const paths = jsonForm(rest) ?? splitWords(rest);
  if (paths.length === 0 || paths.includes('')) throw invalid('VOLUME specified can not be an empty string');
  config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
}

function one(rest: string, instruction: string): string {
  const words = splitWords(rest);
  const [word] = words;
  if (word === undefined || words.length > 1) throw invalid(`${instruction} requires exactly one argument`);
  return word;
}

function setWorkingDirectory(config: ImageProcess, rest: string): void {
  const path = splitWords(rest).join(' ');
  if (path === '') throw invalid('WORKDIR requires exactly one argument');
  config.WorkingDir = path.startsWith('/') ? path : `${config.WorkingDir ?? ''}/${path}`.replace(/\/+/g, '/');
}

const changes: Readonly<Record<string, Change>> = {
  CMD: (config, rest) => {
    config.Cmd = command(config, rest);
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = command(config, rest);
  },
  ENV: setEnvironment,
  EXPOSE: exposePorts,
  HEALTHCHECK: (config, rest) => {
    config.Healthcheck = healthcheckOf(rest);
  },
  LABEL: setLabels,
  ONBUILD: (config, rest) => {
    if (rest === '') throw invalid('ONBUILD requires at least one argument');
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
  STOPSIGNAL: (config, rest) => {
    config.StopSignal = one(rest, 'STOPSIGNAL');
  },
  USER: (config, rest) => {
    config.User = one(rest, 'USER');
  },
  VOLUME: addVolumes,
  WORKDIR: setWorkingDirectory,
};

/** `config` with the instructions applied in order. EngineError `invalid-argument` in Docker's words. */
export function applyChanges(config: ImageProcess, instructions: readonly string[]): ImageProcess {
  const changed = structuredClone(config);
  // One `changes` parameter may hold several lines.
  for (const line of instructions.flatMap((text) => text.split('\n')).map((text) => text.trim())) {
    if (line === '') continue;
    const [name = ''] = line.split(/\s/, 1);
    const change = changes[name.toUpperCase()];
    if (change === undefined) throw invalid(`${name} is not a valid change command`);
    change(changed, line.slice(name.length).trim());
  }
  return changed;
}
