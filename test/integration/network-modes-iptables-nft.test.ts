/** Gateway modes and options of bridges by iptables-nft. */
import { gatewayContract } from '../support/gateway-contract.ts';
import { iptablesUnderTest } from '../support/iptables-under-test.ts';

gatewayContract(iptablesUnderTest('nft'));
