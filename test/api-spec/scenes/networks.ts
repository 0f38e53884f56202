/** Networks: the three that are always there, and those that users make. */
import { fullEndpoint } from './full-create.ts';
import type { Scene, Stage } from './stage.ts';

const nobody = { id: 'no-such-network' };

export const networksScene: Scene = async (stage) => {
  await given(stage);
  await made(stage);
};

async function given(stage: Stage): Promise<void> {
  const id = await stage.container('bridged', { HostConfig: {}, ExposedPorts: { '80/tcp': {} } });
  const filters = JSON.stringify({ driver: ['bridge'] });
  await stage.get('/networks', { query: { filters }, expect: 200 });
  await stage.get('/networks', { query: { filters: '{"nonsense":["x"]}' }, expect: 400 });
  const query = { verbose: 'true', scope: 'local' };
  await stage.get('/networks/{id}', { path: { id: 'bridge' }, query, expect: 200 });
  await stage.get('/networks/{id}', { path: nobody, expect: 404 });
  await stage.delete('/networks/{id}', { path: { id: 'bridge' }, expect: 403 });
  await stage.get('/containers/{id}/json', { path: { id }, expect: 200 });
  await stage.removeContainer(id);
}

/** Of two private networks, one that no other version's scene uses. */
function subnetOf(stage: Stage): string {
  return `10.253.${Number(stage.version.split('.')[1])}`;
}

async function made(stage: Stage): Promise<void> {
  const name = `${stage.prefix}-net`;
  const subnet = subnetOf(stage);
  const body = {
    Name: name,
    Driver: 'bridge',
    Scope: 'local',
    Internal: false,
    Attachable: true,
    Ingress: false,
    ConfigOnly: false,
    ConfigFrom: { Network: '' },
    IPAM: {
      Driver: 'default',
      Config: [
        {
          Subnet: `${subnet}.0/24`,
          IPRange: `${subnet}.128/25`,
          Gateway: `${subnet}.1`,
          AuxiliaryAddresses: { router: `${subnet}.2` },
        },
      ],
      Options: {},
    },
    EnableIPv4: true,
    EnableIPv6: false,
    Options: { 'com.docker.network.bridge.enable_icc': 'true' },
    Labels: { a: 'b' },
  };
  const created = await stage.post('/networks/create', { body, expect: 201 });
  await stage.post('/networks/create', { body: { Name: 7 }, expect: 400 });
  await stage.post('/networks/create', { body: { Name: 'x', Driver: 'no-such-driver' }, expect: 404 });
  await stage.post('/networks/create', { body: { Name: 'bridge' }, expect: [403, 409] });
  if (created.status === 501) return absent(stage);
  await stage.get('/networks/{id}', { path: { id: name }, expect: 200 });
  await members(stage, name, subnet);
  await stage.delete('/networks/{id}', { path: { id: name }, expect: 204 });
  await stage.delete('/networks/{id}', { path: nobody, expect: 404 });
  await stage.post('/networks/create', {
    body: { Name: name, Labels: { [stage.prefix]: 'prune' } },
    expect: 201,
  });
  await prune(stage);
}

async function prune(stage: Stage): Promise<void> {
  const filters = JSON.stringify({ label: [`${stage.prefix}=prune`] });
  await stage.post('/networks/prune', { query: { filters }, expect: 200 });
}

async function members(stage: Stage, name: string, subnet: string): Promise<void> {
  const id = await stage.container('member', { HostConfig: {} });
  const endpoint = {
    ...fullEndpoint(),
    IPAMConfig: { IPv4Address: `${subnet}.200` },
    Links: [],
    MacAddress: '02:42:0a:fd:00:c8',
    Aliases: ['alias'],
    DriverOpts: {},
    GwPriority: 0,
  };
  const connect = (path: Record<string, string>, body: unknown, expect: number) =>
    stage.post('/networks/{id}/connect', { path, body, expect });
  await connect({ id: name }, { Container: id, EndpointConfig: endpoint }, 200);
  await connect({ id: name }, { Container: 'nobody' }, 404);
  await connect(nobody, { Container: id }, 404);
  await connect({ id: name }, { Container: 7 }, 400);
  await connect({ id: 'host' }, { Container: id }, 400);
  await stage.get('/networks/{id}', { path: { id: name }, expect: 200 });
  await stage.get('/containers/{id}/json', { path: { id }, expect: 200 });
  await stage.get('/containers/json', { expect: 200 });
  await stage.delete('/networks/{id}', { path: { id: name }, expect: 403 });
  const disconnect = (path: Record<string, string>, body: unknown, expect: number) =>
    stage.post('/networks/{id}/disconnect', { path, body, expect });
  await disconnect({ id: name }, { Container: id, Force: true }, 200);
  await disconnect({ id: name }, { Container: 'nobody' }, 404);
  await disconnect(nobody, { Container: id }, 404);
  await stage.removeContainer(id);
}

/** Until they are built, each says so. */
async function absent(stage: Stage): Promise<void> {
  const path = { id: 'bridge' };
  await stage.post('/networks/{id}/connect', { path, body: { Container: 'x' }, expect: 501 });
  await stage.post('/networks/{id}/disconnect', { path, body: { Container: 'x' }, expect: 501 });
  await prune(stage);
}
