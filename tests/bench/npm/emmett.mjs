// Appends one message after another to new streams of an Emmett event store, and prints how many and how fast.
//
// Reads from standard input: {url, bodies, connections, group, warm, seconds}; `bodies` are message bodies to go round
// in. Prints {accepted, seconds, latencies, warmed}: seconds on the wall, and of each append; accepts before measuring.

import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';

import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';

const { url, bodies, connections, group, warm, seconds } = JSON.parse(await text(process.stdin));
const store = getPostgreSQLEventStore(url);
let next = 0;

const append = async () => {
  const events = Array.from({ length: group }, () => {
    const body = bodies[next++ % bodies.length];
    return { type: 'call.received', data: { ...body, id: randomUUID() } };
  });
  await store.appendToStream(`call-${randomUUID()}`, events, { expectedStreamVersion: 'STREAM_DOES_NOT_EXIST' });
};

const during = async (limit) => {
  const latencies = [];
  const start = performance.now();
  const worker = async () => {
    do {
      const before = performance.now();
      await append();
      latencies.push((performance.now() - before) / 1000);
    } while (performance.now() - start < limit * 1000);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return { accepted: latencies.length * group, seconds: (performance.now() - start) / 1000, latencies };
};

const warmed = await during(warm);
const measured = await during(seconds);
await store.close();
console.log(JSON.stringify({ ...measured, warmed: warmed.accepted }));
