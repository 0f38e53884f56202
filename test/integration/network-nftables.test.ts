/** The rules by nftables: the contract of any firewall. */
import { firewallContract } from '../support/firewall-contract.ts';
import { nftablesUnderTest } from '../support/nftables-under-test.ts';

firewallContract(nftablesUnderTest);
