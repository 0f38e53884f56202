/** `gantry version`. */
import { isEngineError } from '../../../errors/engine-error.ts';
import { apiVersion } from '../../../wire/api-version.ts';
import type { VersionResponse } from '../../../wire/system.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { describeFailure } from '../../describe-failure.ts';
import { text } from '../../flags/kinds.ts';
import { compileTemplate } from '../../output/format-rows.ts';
import { alignColumns } from '../../output/tabwriter.ts';
import { executeTemplate } from '../../template/evaluate.ts';
import { GoNil, GoStruct, type GoValue, toGoValue } from '../../template/value.ts';
import { clientVersion } from '../../version-line.ts';

export const version = defineCommand({
  usage: '[OPTIONS]',
  examples: [["version --format '{{.Server.Version}}'", "Only the daemon's version"]],
  arguments: [0, 0],
  flags: {
    format: text("Format output with a Go template, as in '{{.Server.Version}}'; 'json' for JSON", {
      short: 'f',
    }),
  },
  run: async (context, { flags }) => {
    const { format } = flags;
    const isJson = format === 'json' || format === '{{json .}}';
    const template = format === '' || isJson ? undefined : compileTemplate(format);
    const { server, failure } = await fetchServer(context);
    const client = clientFacts(context);
    const { stdout, stderr } = context.io;
    if (isJson) stdout.write(`${JSON.stringify({ Client: client, Server: server ?? null })}\n`);
    else if (template === undefined) stdout.write(describeVersions(client, server));
    else stdout.write(`${executeTemplate(template, versionValue(client, server))}\n`);
    if (failure !== undefined) stderr.write(failure);
    return failure === undefined ? 0 : 1;
  },
});

/** The daemon's facts, or why there are none: the client's own are shown anyway. */
async function fetchServer(context: Context): Promise<{ server?: VersionResponse; failure?: string }> {
  try {
    return { server: await context.client.call<VersionResponse>('GET', '/version') };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { failure: await describeFailure(context, error) };
  }
}

type ClientFacts = Record<string, string>;

function clientFacts({ client }: Context): ClientFacts {
  const bun = process.versions['bun'];
  return {
    Version: clientVersion,
    ApiVersion: client.version,
    DefaultAPIVersion: apiVersion,
    GitCommit: '',
    GoVersion: bun === undefined ? `node ${process.versions.node}` : `bun ${bun}`,
    Os: process.platform,
    Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    BuildTime: '',
    Context: 'default',
  };
}

/** Fields under Go's names: `APIVersion`, which is `ApiVersion` in JSON. */
function versionValue(client: ClientFacts, server: VersionResponse | undefined): GoStruct {
  const fields: Array<[string, GoValue]> = [
    ['Client', withGoNames(client)],
    ['Server', server === undefined ? new GoNil('pointer') : withGoNames(server)],
  ];
  return new GoStruct(new Map(fields));
}

function withGoNames(part: object): GoStruct {
  const rename = (name: string) => (name === 'ApiVersion' ? 'APIVersion' : name);
  const fields = Object.entries(part).map(([name, value]): [string, GoValue] => [
    rename(name),
    toGoValue(value, name),
  ]);
  return new GoStruct(new Map(fields));
}

function describeVersions(client: ClientFacts, server: VersionResponse | undefined): string {
  const own: Array<[string, string | undefined]> = [
    ['Version', client['Version']],
    ['API version', downgraded(client)],
    ['Runtime', client['GoVersion']],
    ['OS/Arch', `${client['Os']}/${client['Arch']}`],
    ['Context', client['Context']],
  ];
  const blocks = [`Client: Gantry\n${facts(own, 1)}`];
  if (server !== undefined)
    blocks.push(
      `\nServer:${server.Platform.Name === '' ? '' : ` ${server.Platform.Name}`}\n${serverFacts(server)}`,
    );
  return alignColumns(blocks.join(''), { minWidth: 20, padding: 1 });
}

function downgraded(client: ClientFacts): string {
  const { ApiVersion: used, DefaultAPIVersion: own } = client;
  return used === own ? `${used}` : `${used} (downgraded from ${own})`;
}

function serverFacts(server: VersionResponse): string {
  return (server.Components ?? [])
    .map(({ Name, Version, Details = {} }) => {
      const api =
        Details['ApiVersion'] === undefined
          ? undefined
          : `${Details['ApiVersion']} (minimum version ${Details['MinAPIVersion'] ?? ''})`;
      const osArch = Details['Os'] === undefined ? undefined : `${Details['Os']}/${Details['Arch'] ?? ''}`;
      const lines: Array<[string, string | undefined]> = [
        ['Version', Version],
        ['API version', api],
        ['Runtime', Details['GoVersion']],
        ['Git commit', Details['GitCommit']],
        ['Built', Details['BuildTime']],
        ['OS/Arch', osArch],
        ['Kernel', Details['KernelVersion']],
      ];
      return ` ${Name}:\n${facts(lines, 2)}`;
    })
    .join('');
}

function facts(lines: ReadonlyArray<readonly [string, string | undefined]>, indent: number): string {
  const shown = lines.filter(([, value]) => value !== undefined && value !== '');
  return shown.map(([name, value]) => `${' '.repeat(indent)}${name}:\t${value}\n`).join('');
}
