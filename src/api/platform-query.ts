/** The query's `platform` where it is an OCI document in JSON (API 1.48 and later), as text. */
import { EngineError } from '../errors/engine-error.ts';
import { formatPlatform, normalizePlatform } from '../oci/platform.ts';
import { parseJson } from './body.ts';
import type { Query } from './query.ts';

/** `linux/arm64`, whether it came so or as `{"os":"linux","architecture":"arm64"}`; undefined where there is none. EngineError `invalid-argument`. */
export function platformOf(query: Query): string | undefined {
  const text = query.optional('platform');
  return text === undefined ? undefined : platformText(text);
}

/** The same for one value. EngineError `invalid-argument`. */
export function platformText(text: string): string {
  if (!text.startsWith('{')) return text;
  const fields = parseJson(text);
  const [os, architecture, variant] = [
    fields.string('os'),
    fields.string('architecture'),
    fields.string('variant'),
  ];
  if (os === '' || architecture === '') {
    throw new EngineError('invalid-argument', `invalid platform: ${text.slice(0, 200)}`, {
      hint: 'give os and architecture, for example {"os":"linux","architecture":"arm64"}',
    });
  }
  return formatPlatform(normalizePlatform({ os, architecture, ...(variant === '' ? {} : { variant }) }));
}
