/** Platforms in queries: OCI's document as JSON (API 1.46 and later), for what takes one of an image's platforms. */
import { platformDocument } from '../client/call-control.ts';
import { withPrefix } from './output/format-rows.ts';

/** `{"architecture":"arm64","os":"linux"}` for `linux/arm64`; undefined for ''. EngineError `invalid-argument`. */
export function platformQuery(text: string): string | undefined {
  return withPrefix('invalid platform', () => platformDocument(text));
}
