/** Shows what happens to containers, as it happens: `node watch-events.ts [COUNT]` ends after so many events. */
import { createClient } from 'gantry/client';

const count = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);
const client = createClient();
const { server, apiVersion } = await client.system.ping();
console.log(`watching ${server || client.host}, API ${apiVersion}`);

let seen = 0;
for await (const { Action, Actor, time } of client.system.events({ filters: { type: 'container' } })) {
  const name = Actor.Attributes['name'] ?? Actor.ID.slice(0, 12);
  console.log(`${new Date(time * 1000).toISOString()} ${name} ${Action}`);
  seen += 1;
  // Leaving the loop closes the connection.
  if (seen >= count) break;
}
