/** Attributes of outputs and cache exports (`compression=zstd,force-compression=true`), read and checked. */
import { EngineError } from '../../errors/engine-error.ts';
import type { LayerForm } from '../../images/transfer-types.ts';

type Attributes = Readonly<Record<string, string>>;

const forms = new Set<string>(['gzip', 'zstd', 'uncompressed']);
/** As their compressors have them. */
const mostLevel: Readonly<Record<LayerForm['compression'], number>> = { gzip: 9, zstd: 22, uncompressed: 0 };

/** True, false, or undefined where it is not there; without a value it is true. EngineError `invalid-argument`. */
export function flagOf(attributes: Attributes, name: string): boolean | undefined {
  const text = attributes[name];
  if (text === undefined) return undefined;
  if (['', 'true', '1', 't'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'f'].includes(text.toLowerCase())) return false;
  throw new EngineError('invalid-argument', `invalid value ${JSON.stringify(text)} of ${name}`, {
    hint: 'write true or false',
  });
}

/** How layers are to be compressed; gzip unless told. EngineError `invalid-argument`. */
export function formOf(attributes: Attributes): LayerForm {
  const compression = attributes['compression'] ?? 'gzip';
  if (!isForm(compression)) {
    throw new EngineError('invalid-argument', `unsupported layer compression type: ${compression}`, {
      hint: 'choose gzip, zstd or uncompressed',
    });
  }
  const isForced = flagOf(attributes, 'force-compression') ?? false;
  const text = attributes['compression-level'];
  if (text === undefined || compression === 'uncompressed') return { compression, isForced };
  const level = Number(text);
  if (!/^\d+$/.test(text) || level > mostLevel[compression]) {
    const message = `invalid value ${JSON.stringify(text)} of compression-level`;
    throw new EngineError('invalid-argument', message, {
      hint: `${compression} has levels from 0 to ${mostLevel[compression]}`,
    });
  }
  return { compression, isForced, level };
}

function isForm(text: string): text is LayerForm['compression'] {
  return forms.has(text);
}

/** What is said of a manifest or index, or of the descriptor that names it. */
export interface ImageAnnotations {
  of(kind: AnnotationKind, platform?: string): Record<string, string>;
}

type AnnotationKind = 'manifest' | 'manifest-descriptor' | 'index' | 'index-descriptor';

const kinds = String.raw`(?:manifest|index)(?:-descriptor)?(?:\[[^\]]+\])?`;
const keyPattern = new RegExp(`^(?:(${kinds}(?:,${kinds})*):)?(.+)$`, 's');

/** Keys as the command line has them: `KEY`, `index:KEY`, `manifest,manifest-descriptor[linux/amd64]:KEY`; those without a kind are of the manifest. */
export function annotationsOf(given: Readonly<Record<string, string>> = {}): ImageAnnotations {
  const all = Object.entries(given).flatMap(([text, value]) => {
    const [, prefix = 'manifest', key = ''] = keyPattern.exec(text) ?? [];
    return prefix.split(',').map((part) => {
      const [kind, platform] = part.replace(']', '').split('[');
      return { kind, platform, key, value };
    });
  });
  return {
    of: (kind, platform) =>
      Object.fromEntries(
        all
          .filter((one) => one.kind === kind && (one.platform === undefined || one.platform === platform))
          .map(({ key, value }) => [key, value]),
      ),
  };
}
