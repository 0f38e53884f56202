/** `gantry context inspect`. */
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { readContext, tlsOfContext } from '../../context-settings.ts';
import { type ContextDocument, ContextStore, defaultContext } from '../../context-store.ts';
import { text } from '../../flags/kinds.ts';
import { inspectEach, inspectFormatHelp } from '../../inspect-objects.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] [CONTEXT] [CONTEXT...]',
  description: 'Without a name the context in use is shown.',
  arguments: [0, anyNumber],
  flags: { format: text(inspectFormatHelp, { short: 'f' }) },
  run: (context, { flags, positional }) =>
    inspectEach(
      context,
      positional.length === 0 ? [context.daemon.contextName] : positional,
      flags.format,
      async (name) => describe(context, name),
    ),
});

interface ContextDetails extends ContextDocument {
  TLSMaterial: Record<string, string[]>;
  Storage: { MetadataPath: string; TLSPath: string };
}

function describe(context: Context, name: string): ContextDetails {
  const { Name, Metadata, Endpoints } = readContext(context, name);
  if (name === defaultContext) {
    const files = [...tlsOfContext(context, name).keys()];
    const TLSMaterial: Record<string, string[]> = files.length === 0 ? {} : { docker: files };
    const memory = '<IN MEMORY>';
    return { Name, Metadata, Endpoints, TLSMaterial, Storage: { MetadataPath: memory, TLSPath: memory } };
  }
  const store = new ContextStore(context.configFolder);
  const Storage = { MetadataPath: store.metadataPath(name), TLSPath: store.tlsPath(name) };
  return { Name, Metadata, Endpoints, TLSMaterial: store.tlsMaterial(name), Storage };
}
