/** `gantry info`. */
import { isEngineError } from '../../../errors/engine-error.ts';
import type { InfoResponse } from '../../../wire/system.ts';
import { defineCommand } from '../../command.ts';
import { describeFailure } from '../../describe-failure.ts';
import { text } from '../../flags/kinds.ts';
import { compileTemplate } from '../../output/format-rows.ts';
import { describeInfo } from '../../output/info-text.ts';
import { executeTemplate } from '../../template/evaluate.ts';
import { toGoValue } from '../../template/value.ts';
import { clientVersion } from '../../version-line.ts';

export const info = defineCommand({
  usage: '[OPTIONS]',
  examples: [["info --format '{{.CgroupVersion}} {{.Driver}}'", 'Single facts']],
  arguments: [0, 0],
  flags: {
    format: text("Format output with a Go template, as in '{{.ServerVersion}}'; 'json' for JSON", {
      short: 'f',
    }),
  },
  run: async (context, { flags }) => {
    const { client, io, debug } = context;
    const { format } = flags;
    const isJson = format === 'json' || format === '{{json .}}';
    const template = format === '' || isJson ? undefined : compileTemplate(format);
    const own = { Debug: debug, Version: clientVersion, Context: 'default' };
    try {
      const facts = await client.call<InfoResponse>('GET', '/info');
      if (isJson) io.stdout.write(`${JSON.stringify({ ...facts, ClientInfo: own })}\n`);
      else if (template !== undefined) {
        io.stdout.write(`${executeTemplate(template, toGoValue({ ...facts, ClientInfo: own }))}\n`);
      } else io.stdout.write(describeInfo(own, facts));
      for (const warning of facts.Warnings ?? []) if (format === '') io.stderr.write(`${warning}\n`);
      return 0;
    } catch (error) {
      if (!isEngineError(error, 'unavailable') || format !== '') throw error;
      io.stdout.write(describeInfo(own, undefined));
      io.stderr.write(await describeFailure(context, error));
      return 1;
    }
  },
});
