/** One of the two engines that are compared: how it is asked, and what it answered, by label. */
import { type ApiAnswer, callApi } from '../support/api-client.ts';
import { type CommandResult, dockerCli, type RunOptions, runProgram } from '../support/daemon.ts';
import { type Json, Normalizer } from './normalize.ts';

/** What a scenario does with each engine in turn. */
export type Scenario = (side: Side) => Promise<void>;

const version = '/v1.41';
const comparedHeaders = ['content-type', 'api-version', 'docker-experimental', 'ostype', 'server'];

export class Side {
  readonly name: string;
  readonly socket: string;
  readonly notes = new Map<string, Json>();
  readonly #normalizer: Normalizer;
  readonly #client: string;

  /** `client`: the command line that is run; docker's own unless told. */
  constructor(name: string, socket: string, roots: readonly string[], client = dockerCli ?? 'docker') {
    this.name = name;
    this.#client = client;
    this.socket = socket;
    this.#normalizer = new Normalizer(roots);
  }

  /** Keeps what this engine answered, without what differs from run to run. */
  note(label: string, value: unknown): void {
    this.notes.set(label, this.#normalizer.value(value));
  }

  /** Runs the command line, spoken to in the version that both engines have. */
  docker(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const env = { DOCKER_API_VERSION: '1.41', DOCKER_CLI_HINTS: 'false', ...options.env };
    return runProgram([this.#client, '-H', `unix://${this.socket}`, ...args], { ...options, env });
  }

  /** Runs docker and notes exit code, stdout and stderr. */
  async cli(label: string, args: readonly string[], options?: RunOptions): Promise<CommandResult> {
    const result = await this.docker(args, options);
    this.note(label, result);
    return result;
  }

  /** Runs docker, which must succeed, and returns its trimmed output. */
  async ok(args: readonly string[], options?: RunOptions): Promise<string> {
    const result = await this.docker(args, options);
    if (result.code !== 0) throw new Error(`${this.name}: docker ${args.join(' ')}: ${result.stderr}`);
    return result.stdout.trim();
  }

  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer> {
    return callApi(this.socket, method, `${version}${path}`, body, headers);
  }

  /** The same without a version in front of the path. */
  raw(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer> {
    return callApi(this.socket, method, path, body, headers);
  }

  /** Asks the API and notes status, the headers that clients look at, and the body. */
  async request(
    label: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<ApiAnswer> {
    const answer = await this.api(method, path, body, headers);
    this.noteAnswer(label, answer);
    return answer;
  }

  noteAnswer(label: string, answer: ApiAnswer): void {
    const shown = Object.fromEntries(comparedHeaders.map((name) => [name, answer.headers[name] ?? null]));
    this.note(label, { status: answer.status, headers: shown, body: answer.json ?? answer.text });
  }

  /** Notes the document at a path, without status and headers. */
  async json(label: string, path: string): Promise<void> {
    const answer = await this.api('GET', path);
    this.note(label, answer.json ?? answer.text);
  }

  async removeAll(): Promise<void> {
    const ids = (await this.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await this.docker(['rm', '-fv', ...ids]);
  }
}
