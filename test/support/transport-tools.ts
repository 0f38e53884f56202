/** skopeo and podman with storage and policy of a test's own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, runProgram } from './daemon.ts';

export class TransportTools {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-tools-'));
  readonly #environment: Record<string, string>;

  constructor() {
    const policy = join(this.directory, 'policy.json');
    writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    const registries = join(this.directory, 'registries.conf');
    writeFileSync(registries, 'unqualified-search-registries = []\n');
    const containers = join(this.directory, 'containers.conf');
    const engine = ['cgroup_manager = "cgroupfs"', 'events_logger = "file"', 'lock_type = "file"'];
    writeFileSync(
      containers,
      ['[engine]', ...engine, `tmp_dir = "${join(this.directory, 'libpod')}"`].join('\n'),
    );
    this.#environment = {
      HOME: this.directory,
      XDG_RUNTIME_DIR: this.directory,
      TMPDIR: this.directory,
      CONTAINERS_REGISTRIES_CONF: registries,
      CONTAINERS_CONF: containers,
      REGISTRY_AUTH_FILE: join(this.directory, 'auth.json'),
    };
    writeFileSync(join(this.directory, 'auth.json'), '{}');
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Copies an image with all of its platforms; throws where skopeo fails. Registries are `docker://HOST/NAME`. */
  async copy(
    from: string,
    to: string,
    flags: readonly string[] = ['--all', '--preserve-digests'],
  ): Promise<void> {
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await this.#ok(['skopeo', ...this.#policy, 'copy', '--quiet', ...plain, ...flags, from, to]);
  }

  /** skopeo's other subcommands. */
  async skopeo(args: readonly string[]): Promise<string> {
    return await this.#ok(['skopeo', ...this.#policy, ...args]);
  }

  async podman(args: readonly string[]): Promise<string> {
    const root = [
      '--root',
      this.path('podman'),
      '--runroot',
      this.path('podman-run'),
      '--storage-driver',
      'vfs',
    ];
    return await this.#ok(['podman', ...root, ...args]);
  }

  get #policy(): string[] {
    return ['--policy', this.path('policy.json'), '--tmpdir', this.directory];
  }

  get policyFlag(): string {
    return `--signature-policy=${this.path('policy.json')}`;
  }

  async #ok(argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr }: CommandResult = await runProgram(argv, { env: this.#environment });
    if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
