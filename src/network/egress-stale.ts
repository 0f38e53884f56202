/** Finds what the egress tables hold of containers that are gone. Pure. */
import type { GuardedContainer } from './egress-script.ts';
import { guardKey, setNamesOf } from './egress-script.ts';

/** A script that takes away chains and sets, among `names` of both families, that belong to none of `guards`. */
export function staleScript(
  table: string,
  names: ReadonlyArray<{ family: string; kind: string; name: string }> | undefined,
  guards: ReadonlyArray<
    Pick<GuardedContainer, 'containerId' | 'policy'> & { places: ReadonlyMap<string, unknown> }
  >,
): string {
  const known = new Set(
    guards.flatMap((guard) => [
      `c_${guardKey(guard.containerId)}`,
      ...setNamesOf(guard),
      ...[...guard.places.keys()].map((endpointId) => `p_${endpointId.slice(0, 16)}`),
    ]),
  );
  const stale = (names ?? []).filter(({ name }) => /^[csp]_[0-9a-f]{16}/.test(name) && !known.has(name));
  const chains = stale.filter(({ kind }) => kind === 'chain');
  const sets = stale.filter(({ kind }) => kind === 'set');
  return [
    ...chains.map(
      ({ family, name }) =>
        `flush chain ${family} ${table} ${name}\ndelete chain ${family} ${table} ${name}\n`,
    ),
    ...sets.map(({ family, name }) => `delete set ${family} ${table} ${name}\n`),
  ].join('');
}
