/** `--publish-from`: the sources that alone reach a container's published ports. Pure. */
import { EngineError } from '../errors/engine-error.ts';
import {
  formatSubnet,
  maskAddress,
  parseAddress,
  parseCidr,
  type Subnet,
  subnetContains,
} from './ip-address.ts';

/**
 * CIDR blocks and addresses (which stand for themselves alone) in their usual form, without those that others contain; [] for none.
 * EngineError `invalid-argument` for a word that is neither.
 */
export function parsePublishFrom(words: readonly string[]): string[] {
  const subnets = words.map((word) => parseSource(word.trim()));
  const widest = subnets.filter((one, index) => !subnets.some((other, at) => covers(other, one, at < index)));
  return widest.map(formatSubnet);
}

function parseSource(word: string): Subnet {
  try {
    if (!word.includes('/')) {
      const base = parseAddress(word);
      return { base, prefixLength: base.length * 8 };
    }
    const { address, prefixLength } = parseCidr(word);
    return { base: maskAddress(address, prefixLength), prefixLength };
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid source for published ports: ${JSON.stringify(word)}`, {
      cause,
      hint: 'write CIDR blocks or addresses with commas between them: 10.0.0.0/8,fd00::/8,192.0.2.7',
    });
  }
}

/** Is `one` within `other`? Of two that are the same, only the one that `isEarlier` covers. */
function covers(other: Subnet, one: Subnet, isEarlier: boolean): boolean {
  if (other === one || other.base.length !== one.base.length) return false;
  if (!subnetContains(other, one.base) || other.prefixLength > one.prefixLength) return false;
  return other.prefixLength < one.prefixLength || isEarlier;
}

/** Those of one family. */
export function sourcesOf(publishFrom: readonly string[] | undefined, family: '4' | '6'): string[] {
  return (publishFrom ?? []).filter((cidr) => cidr.includes(':') === (family === '6'));
}

/** Does everybody of that family reach the ports? */
export function isOpenTo(publishFrom: readonly string[] | undefined, family: '4' | '6'): boolean {
  if (publishFrom === undefined) return true;
  return sourcesOf(publishFrom, family).some((cidr) => cidr.endsWith('/0'));
}

/** May a client of this address connect? */
export function isSource(publishFrom: readonly string[] | undefined, address: string): boolean {
  const family = address.includes(':') ? '6' : '4';
  if (isOpenTo(publishFrom, family)) return true;
  return sourcesOf(publishFrom, family).some((cidr) => {
    const { address: base, prefixLength } = parseCidr(cidr);
    return subnetContains({ base, prefixLength }, parseAddress(address));
  });
}
