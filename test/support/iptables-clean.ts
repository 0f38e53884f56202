/** Takes away the rules that a daemon which is gone wrote by iptables. */
import { execFileSync } from 'node:child_process';
import { parseSave } from '../../src/host/iptables.ts';
import { chainPrefix } from '../../src/network/iptables-rules.ts';
import { dropScript } from '../../src/network/iptables-script.ts';

/** `table` is the daemon's `--nft-table`. */
export function dropIptablesRules(table: string): void {
  for (const program of ['iptables', 'ip6tables']) {
    const saved = execFileSync(`${program}-save`, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
    const script = dropScript(chainPrefix(table), parseSave(saved));
    if (script !== '') execFileSync(`${program}-restore`, ['--noflush', '-w', '10'], { input: script });
  }
}
