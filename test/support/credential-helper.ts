/** A credential helper for tests: a shell script that keeps each secret in a file of its folder and notes what it was asked. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CredentialHelper {
  /** To be put on the PATH. */
  folder: string;
  /** `ACTION INPUT` of each call since the last question. */
  calls: () => string[];
}

/** Writes `docker-credential-NAME` into `folder`. For servers that begin with `broken` it fails. */
export function writeCredentialHelper(folder: string, name: string): CredentialHelper {
  const log = join(folder, 'calls');
  const script = `#!/bin/sh
input=$(cat)
echo "$1 $input" >> '${log}'
case "$1:$input" in
get:broken*|store:*broken*|erase:broken*) echo "the keychain is locked"; exit 1;;
esac
case "$1" in
store)
  server=$(echo "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')
  echo "$input" > "${folder}/secrets/$(echo "$server" | tr / _)";;
get|erase)
  file="${folder}/secrets/$(echo "$input" | tr / _)"
  [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
  if [ "$1" = get ]; then cat "$file"; else rm "$file"; fi;;
list) echo '{"listed.example":"me"}';;
esac
`;
  mkdirSync(join(folder, 'secrets'), { recursive: true });
  writeFileSync(join(folder, `docker-credential-${name}`), script, { mode: 0o755 });
  writeFileSync(log, '');
  return {
    folder,
    calls: () => {
      const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
      writeFileSync(log, '');
      return lines;
    },
  };
}
