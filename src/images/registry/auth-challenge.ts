/** `WWW-Authenticate` of registries (RFC 9110, 11.6.1; distribution's token specification): which scheme, and where to get a token. */

export interface AuthChallenge {
  /** Lower case: `basic`, `bearer`, or another one that nobody answers. */
  scheme: string;
  /** Keys in lower case. */
  parameters: Record<string, string>;
}

const schemePattern = /^[\s,]*([A-Za-z][A-Za-z0-9_-]*)(?=[\s,]|$)/;
const parameterPattern = /^[\s,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/;

/** All challenges of a header, in order. What cannot be read ends the list. */
export function parseChallenges(header: string): AuthChallenge[] {
  const challenges: AuthChallenge[] = [];
  let rest = header;
  while (rest.trim() !== '') {
    const parameter = parameterPattern.exec(rest);
    const current = challenges.at(-1);
    if (parameter !== null && current !== undefined) {
      const value = parameter[3] ?? (parameter[2] ?? '').replace(/\\(.)/g, '$1');
      current.parameters[(parameter[1] ?? '').toLowerCase()] = value;
      rest = rest.slice(parameter[0].length);
      continue;
    }
    const scheme = schemePattern.exec(rest);
    if (scheme === null) break;
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: {} });
    rest = rest.slice(scheme[0].length);
  }
  return challenges;
}
