/** What can be said of an instruction once its variables are replaced, and before anything runs. */
import { EngineError } from '../../errors/engine-error.ts';
import { parseSignal } from '../../util/signals.ts';
import type { AddInstruction, CopyInstruction, StageInstruction } from './ast.ts';
import { parseChmod } from './file-mode.ts';
import { exposedPorts } from './ports.ts';
import { kindOfSource } from './source-kind.ts';

/** EngineError `invalid-argument` in Docker's words. */
export function validateInstruction(instruction: StageInstruction): void {
  if (instruction.kind === 'expose') exposedPorts(instruction.ports);
  if (instruction.kind === 'stopsignal') validateSignal(instruction.signal);
  if (instruction.kind === 'volume' && instruction.paths.includes(''))
    throw invalid('VOLUME specified can not be an empty string', 'give the variable a value');
  if (instruction.kind === 'copy' || instruction.kind === 'add') validateTransfer(instruction);
}

/** A name this system has, or any number but 0: as in Docker, what the number means is left to whoever runs the image. */
function validateSignal(signal: string): void {
  if (!/^[0-9]+$/.test(signal) || Number(signal) === 0) parseSignal(signal);
}

function validateTransfer(instruction: CopyInstruction | AddInstruction): void {
  if (instruction.chmod !== undefined) parseChmod(instruction.chmod);
  if (instruction.link && instruction.chown !== undefined && !/^\d*(:\d*)?$/.test(instruction.chown)) {
    throw invalid(
      `--chown=${instruction.chown}: user and group names can't be resolved when used with --link, use numeric uid[:gid] instead`,
      'write numbers, or leave --link out',
    );
  }
  if (instruction.kind === 'copy') checkCopySources(instruction);
  else if (instruction.checksum !== undefined) checkChecksum(instruction);
}

function checkCopySources({ sources }: CopyInstruction): void {
  const hint = 'use ADD for what is not in the build context';
  for (const kind of sources.map(kindOfSource)) {
    if (kind === 'git') throw invalid("source can't be a git ref for COPY", hint);
    if (kind === 'http') throw invalid("source can't be a URL for COPY", hint);
  }
}

function checkChecksum({ sources, checksum }: AddInstruction): void {
  const [source] = sources;
  if (source === undefined || sources.length !== 1)
    throw invalid("checksum can't be specified for multiple sources", 'write one ADD for each source');
  const kind = kindOfSource(source);
  if (kind === 'local')
    throw invalid('checksum requires HTTP(S) or Git sources', 'remove --checksum, or name a URL');
  if (kind === 'http' && !/^[a-z0-9]+:[0-9a-f]+$/.test(checksum ?? ''))
    throw invalid('invalid checksum digest format', 'write --checksum=sha256: and 64 hexadecimal digits');
}

function invalid(message: string, hint: string): EngineError {
  return new EngineError('invalid-argument', message, { hint });
}
