/** What the debug listener answers: the registry's health and its metrics, nothing of what it keeps. */
import type { RequestListener, ServerResponse } from 'node:http';
import { messageOf } from '../../errors/engine-error.ts';

export interface DebugParts {
  problems(): Record<string, string>;
  metrics?: { path: string; contentType: string; text(): Promise<string> };
}

export function debugHandler({ problems, metrics }: DebugParts): RequestListener {
  return (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/debug/health') answerHealth(response, problems());
    else if (metrics !== undefined && path === metrics.path) void answerMetrics(response, metrics);
    else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found\n');
  };
}

/** Status 503 where something is wrong, as distribution answers. */
function answerHealth(response: ServerResponse, problems: Record<string, string>): void {
  const status = Object.keys(problems).length === 0 ? 200 : 503;
  response
    .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(problems));
}

async function answerMetrics(
  response: ServerResponse,
  { contentType, text }: NonNullable<DebugParts['metrics']>,
): Promise<void> {
  try {
    const body = await text();
    response.writeHead(200, { 'Content-Type': contentType }).end(body);
  } catch (error) {
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${messageOf(error)}\n`);
  }
}
