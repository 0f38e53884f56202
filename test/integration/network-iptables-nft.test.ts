/** The rules by iptables-nft: the contract of any firewall. */
import { firewallContract } from '../support/firewall-contract.ts';
import { iptablesUnderTest } from '../support/iptables-under-test.ts';

firewallContract(iptablesUnderTest('nft'));
