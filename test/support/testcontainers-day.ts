/** A program that uses Testcontainers and dies without cleaning up: `node testcontainers-day.ts`, with DOCKER_HOST set. */
import { GenericContainer, Network } from 'testcontainers';

const network = await new Network().start();
const box = await new GenericContainer('busybox').withNetwork(network).withCommand(['sleep', '1000']).start();
process.stdout.write(`${JSON.stringify({ network: network.getId(), container: box.getId() })}\n`);
process.kill(process.pid, 'SIGKILL');
