/** `gantry run --explain`: the six steps of a start, as the daemon measured them, beside what the client saw. */
import { segment } from '../client/query.ts';
import { messageOf } from '../errors/engine-error.ts';
import type { StartReportResponse, StartStep } from '../wire/start-report.ts';
import type { Context } from './context.ts';
import type { CreatedContainer } from './create-container.ts';
import { type Style, styleFor } from './help/style.ts';
import { wrapText } from './help/wrap.ts';
import { shortId } from './output/human.ts';

/** The steps in their order, by the daemon's names, in words. */
const titles: Readonly<Record<string, string>> = {
  image: 'Pull the image',
  create: 'Create the container: read-only layers with one read-write layer',
  network: 'Create its network namespace and its interface on the bridge',
  address: 'Give it an IP address',
  process: 'Execute the named process',
  output: 'Catch its output',
};

/** A function that fetches the report of a start that began at `begin` (performance.now) and prints it on stderr. */
export function startReportPrinter(
  context: Context,
  created: CreatedContainer,
  begin: number,
): () => Promise<void> {
  return async () => {
    const startMs = performance.now() - begin;
    const { client, io } = context;
    try {
      const path = `/gantry/containers/${segment(created.id)}/start-report`;
      const report = await client.call<StartReportResponse>('GET', path);
      const width = Math.min(110, Math.max(60, io.stderr.columns() || 100));
      io.stderr.write(renderReport(report, { ...created, startMs }, styleFor(io.stderr, io.env), width));
    } catch (error) {
      io.stderr.write(`no report of the start: ${messageOf(error)}\n`);
    }
  };
}

export interface ClientTimes {
  pullMs: number | undefined;
  createMs: number;
  startMs: number;
}

/** The block of text, in lines of at most `width` characters. */
export function renderReport(
  report: StartReportResponse,
  times: ClientTimes,
  style: Style,
  width: number,
): string {
  const steps = Object.keys(titles).map((name) => stepOf(report, name, times));
  const lines = steps.flatMap((step, index) => renderStep(step, index + 1, style, width));
  const parts = [
    ...(times.pullMs === undefined ? [] : [`pull ${formatMs(times.pullMs)}`]),
    `create ${formatMs(times.createMs)}`,
    `start ${formatMs(times.startMs)}`,
  ];
  const seen = `seen from here: ${parts.join(', ')}`;
  return [
    style.bold(`How ${shortId(report.Id)} started`),
    ...lines,
    `${' '.repeat(5)}${style.bold(formatMs(report.TotalMs).padStart(9))}  in the daemon; ${seen}`,
    '',
    '',
  ].join('\n');
}

/** The daemon's step; a pull that the client asked for took its time before. */
function stepOf(report: StartReportResponse, name: string, times: ClientTimes): StartStep {
  const step = report.Steps.find(({ Name }) => Name === name) ?? {
    Name: name,
    Detail: 'nothing to do',
    Ms: 0,
  };
  if (name !== 'image' || times.pullMs === undefined) return step;
  return { ...step, Detail: step.Detail.replace(/ is here$/, ' was pulled'), Ms: step.Ms + times.pullMs };
}

function renderStep(step: StartStep, number: number, style: Style, width: number): string[] {
  const indent = ' '.repeat(16);
  const head = `  ${style.green(String(number))}  ${formatMs(step.Ms).padStart(9)}  ${style.bold(titles[step.Name] ?? step.Name)}`;
  return [head, ...wrapText(step.Detail, width - indent.length).map((line) => indent + style.dim(line))];
}

function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
