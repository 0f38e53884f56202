/** `--cap-add` and `--cap-drop`. */

/** Names as the kernel has them, sorted; `ALL` stands for all, and what is added is not dropped. */
export function parseCapabilities(
  add: readonly string[],
  drop: readonly string[],
): { add: string[]; drop: string[] } {
  const added = normalize(add);
  return { add: added, drop: normalize(drop).filter((name) => !added.includes(name)) };
}

function normalize(names: readonly string[]): string[] {
  const full = new Set(names.map((name) => withPrefix(name.trim().toUpperCase())));
  return full.has('ALL') ? ['ALL'] : [...full].sort();
}

function withPrefix(name: string): string {
  return name === 'ALL' || name === 'RESET' || name.startsWith('CAP_') ? name : `CAP_${name}`;
}
