/** Reads an endpoint's durable record back, checked field by field. */
import { EngineError } from '../errors/engine-error.ts';
import type {
  Endpoint,
  EndpointEgress,
  EndpointNaming,
  PortProtocol,
  PublishedPort,
} from './network-types.ts';

/** The parser of the `endpoints` collection. EngineError `data-loss` for a document that is no endpoint. */
export function parseEndpoint(value: unknown): Endpoint {
  const record = fieldsOf(value, 'endpoint');
  const ports = record['ports'];
  if (!Array.isArray(ports)) throw damaged('endpoint.ports');
  return {
    containerId: text(record, 'containerId'),
    endpointId: text(record, 'endpointId'),
    networkId: text(record, 'networkId'),
    ipAddress:
      record['ipv6Address'] === undefined ? text(record, 'ipAddress') : textOrNone(record, 'ipAddress'),
    prefixLength: integer(record, 'prefixLength'),
    gateway: textOrNone(record, 'gateway'),
    ...(record['ipv6Address'] === undefined ? {} : ipv6Fields(record)),
    macAddress: textOrNone(record, 'macAddress'),
    hostInterface: textOrNone(record, 'hostInterface'),
    ...(record['interfaceName'] === undefined ? {} : { interfaceName: text(record, 'interfaceName') }),
    ...(record['interfaceNumber'] === undefined
      ? {}
      : { interfaceNumber: integer(record, 'interfaceNumber') }),
    ...(record['linkLocal'] === undefined ? {} : { linkLocal: texts(record, 'linkLocal') }),
    ports: ports.map(parsePort),
    ...(record['reachedDirectly'] === true ? { reachedDirectly: true } : {}),
    ...(record['publishFrom'] === undefined ? {} : { publishFrom: texts(record, 'publishFrom') }),
    ...(record['naming'] === undefined ? {} : { naming: parseNaming(record['naming']) }),
    ...(record['egress'] === undefined ? {} : { egress: parseEgressRecord(record['egress']) }),
  };
}

function parseEgressRecord(value: unknown): EndpointEgress {
  const egress = fieldsOf(value, 'endpoint.egress');
  const hosts = fieldsOf(egress['hosts'], 'endpoint.egress.hosts');
  return {
    allow: text(egress, 'allow'),
    hosts: Object.fromEntries(Object.keys(hosts).map((name) => [name, texts(hosts, name)])),
    servers: texts(egress, 'servers'),
  };
}

function parseNaming(value: unknown): EndpointNaming {
  const naming = fieldsOf(value, 'endpoint.naming');
  const links = Object.entries(fieldsOf(naming['links'], 'endpoint.naming.links'));
  return {
    names: texts(naming, 'names'),
    links: Object.fromEntries(links.map(([alias, target]) => [alias, String(target)])),
    servers: texts(naming, 'servers'),
  };
}

function texts(record: Record<string, unknown>, key: string): string[] {
  const list = record[key];
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string')) throw damaged(key);
  return list;
}

function ipv6Fields(record: Record<string, unknown>) {
  return {
    ipv6Address: text(record, 'ipv6Address'),
    ipv6PrefixLength: integer(record, 'ipv6PrefixLength'),
    ipv6Gateway: textOrNone(record, 'ipv6Gateway'),
  };
}

function parsePort(value: unknown): PublishedPort {
  const port = fieldsOf(value, 'port');
  return {
    containerPort: integer(port, 'containerPort'),
    protocol: protocolOf(port['protocol']),
    hostIp: text(port, 'hostIp'),
    hostPort: integer(port, 'hostPort'),
  };
}

function protocolOf(value: unknown): PortProtocol {
  if (value === 'tcp' || value === 'udp' || value === 'sctp') return value;
  throw damaged('port.protocol');
}

function fieldsOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw damaged(name);
  return Object.fromEntries(Object.entries(value));
}

function text(record: Record<string, unknown>, key: string): string {
  const value = record[key];
  if (typeof value !== 'string' || value === '') throw damaged(key);
  return value;
}

function textOrNone(record: Record<string, unknown>, key: string): string {
  return record[key] === '' ? '' : text(record, key);
}

function integer(record: Record<string, unknown>, key: string): number {
  const value = record[key];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw damaged(key);
  return value;
}

function damaged(where: string): EngineError {
  return new EngineError('data-loss', `the record of an endpoint is damaged: ${where}`);
}
