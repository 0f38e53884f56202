/** `gantry port`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ContainerInspect } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';
import { joinHostPort } from '../../rows/display-ports.ts';

export const port = defineCommand({
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  examples: [
    ['port web', 'All published ports'],
    ['port web 80/tcp', 'Where port 80 can be reached'],
  ],
  arguments: [1, 2],
  flags: {},
  run: async ({ client, io }, { positional }) => {
    const [name = '', wanted] = positional;
    const { NetworkSettings } = await client.call<ContainerInspect>(
      'GET',
      `/containers/${segment(name)}/json`,
    );
    const ports = NetworkSettings.Ports ?? {};
    io.stdout.write(
      (wanted === undefined ? allPorts(ports) : onePort(ports, wanted, name))
        .map((line) => `${line}\n`)
        .join(''),
    );
    return 0;
  },
});

type Ports = ContainerInspect['NetworkSettings']['Ports'];

function onePort(ports: Ports, wanted: string, name: string): string[] {
  const [number = '', protocol = 'tcp'] = wanted.split('/');
  if (!/^\d{1,5}$/.test(number)) {
    const reason = `strconv.ParseUint: parsing ${JSON.stringify(number)}: invalid syntax`;
    throw new EngineError('invalid-argument', `Error: invalid port (${number}): ${reason}`);
  }
  const bindings = ports[`${number}/${protocol}`] ?? [];
  if (bindings.length === 0) {
    throw new EngineError('not-found', `Error: No public port '${wanted}' published for ${name}`);
  }
  return bindings.map(({ HostIp, HostPort }) => joinHostPort(HostIp, HostPort));
}

function allPorts(ports: Ports): string[] {
  const lines = Object.entries(ports).flatMap(([inside, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => `${inside} -> ${joinHostPort(HostIp, HostPort)}`),
  );
  return lines.sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
}
