/** What each route needs of a scoped socket. A route that has no row here is refused, whatever the socket may do. */
import type { Permission } from '../engine/sockets-permissions.ts';

export interface Rule {
  needs: readonly Permission[];
  /** Where the request names what must be visible. */
  target?: 'container' | 'exec' | 'container-of-query' | 'container-of-body';
  /** Reads alone: served with what the socket sees, and nothing else. */
  reads?: true;
  /** What the request may ask for that is the host's: looked at unless the socket may have it. */
  asks?: 'create' | 'update' | 'exec' | 'volume' | 'network' | 'build';
  /** Only for sockets that may have the host. */
  host?: true;
  /** The request's filters are narrowed to the socket's labels. */
  filters?: true;
}

const container = 'container';
const read = (permission: Permission): Rule => ({ needs: [permission], reads: true });
const write = (permission: Permission): Rule => ({ needs: [permission] });
const readContainer: Rule = { needs: ['containers:read'], reads: true, target: container };
const writeContainer: Rule = { needs: ['containers:write'], target: container };
const copyContainer: Rule = { needs: ['containers:copy'], target: container };
const attachContainer: Rule = { needs: ['containers:exec'], target: container };

/** By method and path, the names of parameters left out. */
const table: Readonly<Record<string, Rule>> = {
  'GET /_ping': { needs: [] },
  'HEAD /_ping': { needs: [] },
  'GET /version': { needs: [] },
  'GET /info': read('system:read'),
  'GET /events': read('events:read'),
  'GET /system/df': read('system:read'),
  'POST /auth': write('images:write'),

  'GET /containers/json': read('containers:read'),
  'GET /containers/:/json': readContainer,
  'GET /containers/:/top': readContainer,
  'GET /containers/:/stats': readContainer,
  'GET /containers/:/changes': readContainer,
  'GET /gantry/containers/:/start-report': readContainer,
  'POST /containers/:/wait': { needs: ['containers:read'], target: container },
  'GET /containers/:/logs': { needs: ['containers:logs'], reads: true, target: container },
  'POST /containers/create': { needs: ['containers:write'], asks: 'create' },
  'POST /containers/prune': { needs: ['containers:write'], filters: true },
  'POST /containers/:/start': writeContainer,
  'POST /containers/:/stop': writeContainer,
  'POST /containers/:/restart': writeContainer,
  'POST /containers/:/kill': writeContainer,
  'POST /containers/:/pause': writeContainer,
  'POST /containers/:/unpause': writeContainer,
  'POST /containers/:/rename': writeContainer,
  'POST /containers/:/update': { ...writeContainer, asks: 'update' },
  'DELETE /containers/:': writeContainer,
  'POST /containers/:/attach': attachContainer,
  'GET /containers/:/attach/ws': attachContainer,
  'POST /containers/:/resize': attachContainer,
  'POST /containers/:/exec': { ...attachContainer, asks: 'exec' },
  'POST /exec/:/start': { needs: ['containers:exec'], target: 'exec' },
  'POST /exec/:/resize': { needs: ['containers:exec'], target: 'exec' },
  'GET /exec/:/json': { needs: ['containers:exec'], target: 'exec' },
  'GET /containers/:/export': copyContainer,
  'GET /containers/:/archive': copyContainer,
  'HEAD /containers/:/archive': copyContainer,
  'PUT /containers/:/archive': copyContainer,
  'DELETE /gantry/containers/:/logs': writeContainer,
  'GET /containers/:/checkpoints': readContainer,
  // Checkpoints lie wherever on the host the request says.
  'POST /containers/:/checkpoints': { ...writeContainer, host: true },
  'DELETE /containers/:/checkpoints/:': { ...writeContainer, host: true },
  'POST /commit': { needs: ['images:write', 'containers:copy'], target: 'container-of-query' },

  'GET /images/json': read('images:read'),
  'GET /images/search': read('images:read'),
  'GET /images/get': read('images:read'),
  'GET /images/:/json': read('images:read'),
  'GET /images/:/history': read('images:read'),
  'GET /images/:/get': read('images:read'),
  'GET /distribution/:/json': read('images:read'),
  'GET /gantry/manifests/:': read('images:read'),
  'PUT /gantry/manifests/:': write('images:write'),
  'POST /images/create': write('images:write'),
  'POST /images/load': write('images:write'),
  'POST /images/prune': write('images:write'),
  'POST /images/:/tag': write('images:write'),
  'POST /images/:/push': write('images:write'),
  'DELETE /images/:': write('images:write'),
  'POST /build': { needs: ['build:write'], asks: 'build' },
  'POST /build/prune': write('build:write'),
  'POST /build/cancel': write('build:write'),
  // Requests of these are not looked into, and some ask for the host.
  'POST /session': { needs: ['build:write'], host: true },
  'POST /gantry/build': { needs: ['build:write'], host: true },
  'POST /gantry/build/:/shell': { needs: ['build:write'], host: true },
  'POST /grpc': { needs: ['build:write'], host: true },

  'GET /volumes': read('volumes:read'),
  'GET /volumes/:': read('volumes:read'),
  'POST /volumes/create': { needs: ['volumes:write'], asks: 'volume' },
  'POST /volumes/prune': write('volumes:write'),
  'DELETE /volumes/:': write('volumes:write'),

  'GET /networks': read('networks:read'),
  'GET /networks/:': read('networks:read'),
  'POST /networks/create': { needs: ['networks:write'], asks: 'network' },
  'POST /networks/prune': write('networks:write'),
  'DELETE /networks/:': write('networks:write'),
  'POST /networks/:/connect': { needs: ['networks:write'], target: 'container-of-body' },
  'POST /networks/:/disconnect': { needs: ['networks:write'], target: 'container-of-body' },

  'GET /plugins': read('system:read'),
  'GET /swarm': read('system:read'),
  'GET /nodes': read('system:read'),
  'GET /services': read('system:read'),
  'GET /tasks': read('system:read'),
  'GET /secrets': read('system:read'),
  'GET /configs': read('system:read'),
  'POST /swarm/init': write('system:write'),
  'POST /swarm/join': write('system:write'),
  'POST /swarm/leave': write('system:write'),
};

/** `/containers/:id/json` as the table has it. */
export function ruleKey(method: string, path: string): string {
  return `${method} ${path.replace(/:[^/]+/g, ':')}`;
}

/** The rule of a route as `routes.ts` writes it; undefined for one that is refused. */
export function ruleOf(method: string, path: string): Rule | undefined {
  const key = ruleKey(method, path);
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

export const ruleKeys: readonly string[] = Object.keys(table);
