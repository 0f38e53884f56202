/** Gateway modes and options of bridges by nftables. */
import { gatewayContract } from '../support/gateway-contract.ts';
import { nftablesUnderTest } from '../support/nftables-under-test.ts';

gatewayContract(nftablesUnderTest);
