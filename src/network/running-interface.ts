/** Interfaces of a container that runs already: made, taken away and routed by the launcher, in the container's network namespace. */
import { EngineError } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';
import type { NetworkSetup } from '../host/network-setup.ts';
import { deleteLinks, sendAll } from './host-network.ts';
import { interfaceIndex, interfaceNameOf, interfaceNumberOf, usesIpv6 } from './interface-setup.ts';
import { addLinkDefaultRoute } from './macvlan-messages.ts';
import type { Endpoint } from './network-types.ts';
import { addDefaultRoute, deleteLink } from './rtnetlink.ts';

type Helpers = Pick<Launcher, 'run' | 'netlink'>;

/** Writes pairs of path and value below /proc/sys/net, which shows the parameters of whoever looks. Arguments are never read as script. */
const writeParameters =
  'cd /proc/sys/net && while [ $# -gt 1 ]; do echo "$2" > "$1" || exit 1; shift 2; done';

/** Makes the interface of a new endpoint in the namespace at `netns`. EngineError `internal` where a step fails; nothing of it is left then. */
export async function attachInterface(
  launcher: Helpers,
  netns: string,
  endpoint: Endpoint,
  setup: NetworkSetup,
): Promise<void> {
  const what = `make ${interfaceNameOf(endpoint)} of a container`;
  const own = (path: string): boolean => path.includes(`/${interfaceNameOf(endpoint)}/`);
  const parameters = Object.entries(setup.sysctls ?? {});
  await setParameters(launcher, netns, [
    ['ipv6/conf/default/disable_ipv6', usesIpv6(endpoint) ? '0' : '1'],
    ...parameters.filter(([path]) => !own(path)),
  ]);
  try {
    await sendAll(launcher, what, setup.before ?? []);
    const { failure } = await launcher.netlink(setup.inside, netns);
    if (failure !== undefined) {
      throw new EngineError(
        'internal',
        `cannot ${what}: errno ${failure.errno} at step ${failure.index + 1}`,
      );
    }
    await sendAll(launcher, what, setup.outside);
    // Those of the interface itself are there only now.
    await setParameters(
      launcher,
      netns,
      parameters.filter(([path]) => own(path)),
    );
  } catch (error) {
    await detachInterface(launcher, netns, endpoint);
    throw error;
  }
}

/** Deletes the interface, by the host's end of it where it has one; nothing happens where it is gone. */
export async function detachInterface(launcher: Helpers, netns: string, endpoint: Endpoint): Promise<void> {
  if (endpoint.hostInterface !== '') return deleteLinks(launcher, [endpoint.hostInterface]);
  await launcher.netlink([deleteLink(interfaceNameOf(endpoint))], netns);
}

/** Lets the default routes of a namespace go by these endpoints, in place of those that there are. Undefined changes nothing. */
export async function setDefaultRoutes(
  launcher: Helpers,
  netns: string,
  { ipv4, ipv6 }: { ipv4: Endpoint | undefined; ipv6: Endpoint | undefined },
): Promise<void> {
  const messages = [
    ...(ipv4 === undefined ? [] : [defaultRoute(ipv4, 4, ipv4.gateway)]),
    ...(ipv6?.ipv6Gateway === undefined ? [] : [defaultRoute(ipv6, 6, ipv6.ipv6Gateway)]),
  ];
  if (messages.length === 0) return;
  const { failure } = await launcher.netlink(messages, netns);
  if (failure === undefined) return;
  throw new EngineError('internal', `cannot set the default route of a container: errno ${failure.errno}`);
}

/** Without a gateway the interface itself leads everywhere (ipvlan l3): what leads nowhere is no default route's. */
function defaultRoute(endpoint: Endpoint, version: 4 | 6, gateway: string): Buffer {
  const index = indexOf(endpoint);
  return gateway === '' ? addLinkDefaultRoute(index, version, true) : addDefaultRoute(index, gateway, true);
}

function indexOf(endpoint: Endpoint): number {
  return interfaceIndex(interfaceNumberOf(endpoint));
}

/** What a new interface copies. At a start the first network has decided that for all; one that comes later may want it otherwise. */
async function setParameters(
  launcher: Helpers,
  netns: string,
  parameters: ReadonlyArray<readonly [path: string, value: string]>,
): Promise<void> {
  if (parameters.length === 0) return;
  const argv = ['nsenter', `--net=${netns}`, 'sh', '-c', writeParameters, 'sh'];
  const result = await launcher.run({ argv: [...argv, ...parameters.flat()] });
  if (result.exitCode === 0) return;
  throw new EngineError('internal', `cannot set network parameters: ${result.stderr.toString().trim()}`);
}
