/** The versions of the Docker Engine API that Gantry speaks, and how two of them compare. */

/** Newest version served; the answer to an unversioned request. */
export const apiVersion = '1.51';

/** Oldest version served. */
export const minApiVersion = '1.24';

/** Negative if `left` is older than `right`, 0 if equal, positive if newer. Both are `MAJOR.MINOR`. */
export function compareApiVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}
