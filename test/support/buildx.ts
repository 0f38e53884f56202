/** docker's buildx for tests: brought here once, and run with a configuration of the test's own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type CommandResult, dockerCli, type RunOptions, type TestDaemon } from './daemon.ts';

/** A folder with `cli-plugins/docker-buildx`; kept between runs. */
const folder = resolve(process.env['GANTRY_BUILDX'] ?? 'node_modules/.gantry-buildx');

/** Why the tests can't run here, or false. */
export function withoutBuildx(): string | false {
  if (dockerCli === undefined) return 'no docker command line';
  const brought = spawnSync('scripts/buildx.sh', [folder], { encoding: 'utf8', timeout: 900_000 });
  return brought.status === 0 ? false : brought.stderr.trim();
}

export class Buildx {
  readonly root = mkdtempSync(join(tmpdir(), 'gantry-buildx-'));
  readonly daemon: TestDaemon;
  readonly environment: Record<string, string>;

  constructor(daemon: TestDaemon) {
    this.daemon = daemon;
    const config = join(this.root, 'config');
    mkdirSync(config);
    symlinkSync(join(folder, 'cli-plugins'), join(config, 'cli-plugins'));
    this.environment = { DOCKER_CONFIG: config, BUILDX_NO_DEFAULT_ATTESTATIONS: '1', NO_COLOR: '1' };
  }

  /** A context's directory; names may have slashes. */
  context(files: Record<string, string>, name = 'context'): string {
    const root = join(this.root, name);
    mkdirSync(root, { recursive: true });
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return root;
  }

  /** `docker …`; standard output and error as they came. */
  run(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.daemon.docker(args, { ...options, env: { ...this.environment, ...options.env } });
  }

  /** `docker buildx build --progress plain …`: what it printed. Throws where it failed. */
  async build(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(['buildx', 'build', '--progress', 'plain', ...args], options);
    if (result.code !== 0)
      throw new Error(`buildx build ${args.join(' ')}: exit ${result.code}\n${result.stderr}`);
    return result.stderr + result.stdout;
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
