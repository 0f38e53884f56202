/**
 * The syntax tree of a Dockerfile: what was written and where, before any variable is replaced.
 *
 * The way of a build through this folder: `parse.ts: parseDockerfile(bytes)` → `Dockerfile`; `stages.ts: resolveStages` →
 * which stages the target needs and from what they are made; `stage-scope.ts: StageScope.evaluate(instruction)` → the same
 * instruction with its variables replaced, in the order of the stage; `mounts.ts: parseMount` → a `RunMount`.
 */

/** A place in a file; both count from 1, columns in UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

/** From `start` up to, but without, `end`. */
export interface SourceRange {
  start: Position;
  end: Position;
}

/** One `<<NAME` and its text. */
export interface Heredoc {
  /** The delimiter, without quotes. It is also the file's name where COPY and ADD make one. */
  name: string;
  /** The lines between, each with its line feed; tabs as written (see `heredocText`). */
  content: string;
  /** Are variables in it replaced? False where the delimiter was quoted. Only COPY and ADD look at it: RUN leaves all to the shell. */
  expand: boolean;
  /** `<<-`: are leading tabs taken away? */
  chomp: boolean;
  /** The descriptor in `3<<NAME`, 0 without one. */
  descriptor: number;
}

/** RUN, CMD, ENTRYPOINT and HEALTHCHECK CMD: a JSON array of arguments, or a text for the shell. */
export type CommandLine =
  | { form: 'exec'; args: readonly string[] }
  | { form: 'shell'; text: string; heredocs: readonly Heredoc[] };

export interface KeyValue {
  key: string;
  value: string;
}

/** `--name[=value]` after the keyword, as written. */
export interface Flag {
  name: string;
  /** Undefined where there is no `=`. */
  value: string | undefined;
}

/** What every instruction has. */
export interface NodeBase {
  /** The keyword as written (`Run`). */
  keyword: string;
  /** The instruction on one line, continuations joined and comments within left out; here-documents are not in it. */
  text: string;
  /** All its lines as they stand in the file, joined by line feeds, here-documents with it. */
  original: string;
  range: SourceRange;
  /** Every flag, in order; the instruction's own fields hold what they mean. */
  flags: readonly Flag[];
  /** The comments right above it, without their hashes. */
  comments: readonly string[];
}

export interface FromInstruction extends NodeBase {
  kind: 'from';
  /** An image, `scratch` or an earlier stage; may hold variables of the global scope. */
  image: string;
  /** The name after AS, in lower case; and as written. */
  name: string | undefined;
  writtenName: string | undefined;
  /** The word AS as written. */
  as: string | undefined;
  platform: string | undefined;
}

export interface RunInstruction extends NodeBase {
  kind: 'run';
  command: CommandLine;
  /** The texts of `--mount`, before expansion (`type=cache,target=/x`); `StageScope.mountsOf` reads them. */
  mounts: readonly string[];
  network: 'default' | 'none' | 'host';
  security: 'sandbox' | 'insecure';
  /** The texts of `--device` (`vendor.com/class=name,required`). */
  devices: readonly string[];
}

export interface CmdInstruction extends NodeBase {
  kind: 'cmd';
  command: CommandLine;
}

export interface EntrypointInstruction extends NodeBase {
  kind: 'entrypoint';
  command: CommandLine;
}

export interface LabelInstruction extends NodeBase {
  kind: 'label';
  labels: readonly KeyValue[];
  /** Was it `LABEL key value`, without `=`? */
  legacy: boolean;
}

export interface MaintainerInstruction extends NodeBase {
  kind: 'maintainer';
  maintainer: string;
}

export interface ExposeInstruction extends NodeBase {
  kind: 'expose';
  /** As written: `80`, `53/udp`, `8000-8010/tcp`; `ports.ts: exposedPorts` reads them once they are expanded. */
  ports: readonly string[];
}

export interface EnvInstruction extends NodeBase {
  kind: 'env';
  variables: readonly KeyValue[];
  /** Was it `ENV key value`, without `=`? */
  legacy: boolean;
}

/** What ADD and COPY share. Every text may hold variables but for `from`. */
export interface TransferFields {
  /** Paths with wildcards, or for ADD also URLs and git repositories; without here-documents. */
  sources: readonly string[];
  /** Files written in the Dockerfile itself; `content` is after the removal of tabs. */
  files: readonly InlineFile[];
  destination: string;
  chown: string | undefined;
  /** Octal (`0644`) or symbolic (`u=rw,go=r`); `file-mode.ts: parseChmod` reads it. */
  chmod: string | undefined;
  link: boolean;
  exclude: readonly string[];
}

export interface InlineFile {
  name: string;
  content: string;
  expand: boolean;
}

export interface CopyInstruction extends NodeBase, TransferFields {
  kind: 'copy';
  /** A stage's name or index, a named context or an image; undefined for the build context. */
  from: string | undefined;
  parents: boolean;
}

export interface AddInstruction extends NodeBase, TransferFields {
  kind: 'add';
  /** Undefined: as the git URL says, or not. */
  keepGitDir: boolean | undefined;
  /** `sha256:…` or a commit. */
  checksum: string | undefined;
  /** Undefined: local tars are unpacked, downloaded ones are not. */
  unpack: boolean | undefined;
}

export interface VolumeInstruction extends NodeBase {
  kind: 'volume';
  paths: readonly string[];
}

export interface UserInstruction extends NodeBase {
  kind: 'user';
  user: string;
}

export interface WorkdirInstruction extends NodeBase {
  kind: 'workdir';
  path: string;
}

export interface ArgInstruction extends NodeBase {
  kind: 'arg';
  args: readonly ArgDeclaration[];
}

export interface ArgDeclaration {
  name: string;
  /** The text after `=`; undefined without one. */
  value: string | undefined;
  /** A comment above that begins with the name: what the argument is for. */
  description: string | undefined;
}

export interface OnbuildInstruction extends NodeBase {
  kind: 'onbuild';
  /** The trigger as the image's config keeps it, here-documents with it. */
  trigger: string;
}

export interface StopsignalInstruction extends NodeBase {
  kind: 'stopsignal';
  signal: string;
}

export interface HealthcheckInstruction extends NodeBase {
  kind: 'healthcheck';
  /** `none` turns off what the base image checks. */
  check: 'none' | Healthcheck;
}

export interface Healthcheck {
  command: CommandLine;
  /** Nanoseconds as in the image's config; 0 where not given. */
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

export interface ShellInstruction extends NodeBase {
  kind: 'shell';
  shell: readonly string[];
}

/** Everything that may stand within a stage. */
export type StageInstruction =
  | RunInstruction
  | CmdInstruction
  | EntrypointInstruction
  | LabelInstruction
  | MaintainerInstruction
  | ExposeInstruction
  | EnvInstruction
  | CopyInstruction
  | AddInstruction
  | VolumeInstruction
  | UserInstruction
  | WorkdirInstruction
  | ArgInstruction
  | OnbuildInstruction
  | StopsignalInstruction
  | HealthcheckInstruction
  | ShellInstruction;

export type Instruction = FromInstruction | StageInstruction;

/** A FROM and all up to the next. */
export interface Stage {
  /** From 0, as `COPY --from=0` counts. */
  index: number;
  from: FromInstruction;
  /** In lower case; undefined without AS. */
  name: string | undefined;
  /** A comment above FROM that begins with the stage's name: what the stage is for. */
  description: string | undefined;
  instructions: readonly StageInstruction[];
}

/** The directives at the top of the file (`# syntax=…`). */
export interface Directives {
  syntax: string | undefined;
  escape: '\\' | '`';
  /** The text after `check=`; `checks/check-directive.ts` reads it. */
  check: string | undefined;
  /** Where each stands. */
  ranges: Readonly<Record<string, SourceRange>>;
}

export interface Dockerfile {
  /** The name that errors give (`Dockerfile`). */
  name: string;
  /** The file's lines, without their ends. */
  lines: readonly string[];
  directives: Directives;
  /** ARG before the first FROM. */
  globalArgs: readonly ArgInstruction[];
  /** At least one. */
  stages: readonly Stage[];
  /** What the parser itself saw and let pass; the checks turn it into warnings. */
  notes: readonly ParserNote[];
}

/** Something odd that is no error. */
export interface ParserNote {
  kind: 'empty-continuation' | 'bad-json';
  range: SourceRange;
  /** What more there is to say: the text that looked like JSON. */
  detail: string;
}

/** `RUN --mount`, read and checked, its variables replaced. Numbers of `mode`, `uid` and `gid` are undefined where not given. */
export interface RunMount {
  type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  /** A stage, named context or image (bind and cache); '' for the build context (bind) or nothing (cache). */
  from: string;
  source: string;
  target: string;
  readOnly: boolean;
  /** Of a cache, secret or ssh mount; '' where not given. */
  id: string;
  /** Cache only; `shared` where not given. */
  sharing: 'shared' | 'private' | 'locked';
  /** Secret and ssh: an error where the client has none. */
  required: boolean;
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  /** Bytes (tmpfs); undefined without a limit. */
  size: number | undefined;
  /** The environment variable that a secret is given in; undefined without one. */
  env: string | undefined;
}
