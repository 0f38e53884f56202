/** A Python that has docker-py, in a virtual environment kept between runs. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './daemon.ts';

/** Path of a python3 that can `import docker`; makes it where it is missing. */
export async function pythonWithDocker(): Promise<string> {
  const known = await runProgram(['python3', '-c', 'import docker; docker.DockerClient']);
  if (known.code === 0) return 'python3';
  const directory = join(tmpdir(), 'gantry-test-python');
  const python = join(directory, 'bin/python3');
  if (existsSync(python) && (await runProgram([python, '-c', 'import docker'])).code === 0) return python;
  const made = await runProgram(['python3', '-m', 'venv', directory]);
  if (made.code !== 0)
    throw new Error(
      `python3 -m venv failed (Debian: apt-get install python3-venv): ${made.stderr}${made.stdout}`,
    );
  const installed = await runProgram([python, '-m', 'pip', 'install', '--quiet', 'docker'], {
    timeout: 120_000,
  });
  if (installed.code !== 0) throw new Error(`pip could not install docker: ${installed.stderr}`);
  return python;
}
