// The Redlock algorithm against three servers: who holds the lock is alone, a lock that is extended lasts, one that is not ends,
// and two of three servers are enough. Arguments: the ports.
"use strict";

const assert = require("node:assert/strict");
const Redis = require("ioredis");
const Redlock = require("redlock");

const clients = process.argv
  .slice(2)
  .map((port) => new Redis({ port: Number(port), host: "127.0.0.1", retryStrategy: () => null }));
clients.forEach((client) => client.on("error", () => {}));

async function turns(redlock, tasks) {
  let inside = 0;
  let total = 0;
  const task = async () => {
    const lock = await redlock.lock("resource", 10_000);
    inside += 1;
    assert.equal(inside, 1);
    const seen = total;
    await clients[0].ping();
    total = seen + 1;
    inside -= 1;
    await lock.unlock();
  };
  await Promise.all(Array.from({ length: tasks }, task));
  assert.equal(total, tasks);
}

async function main() {
  assert.equal(clients.length, 3);
  const patient = new Redlock(clients, { retryCount: 2000, retryDelay: 5, retryJitter: 10 });
  const impatient = new Redlock(clients, { retryCount: 0 });
  await turns(patient, 20);

  let lock = await impatient.lock("other", 60_000);
  await assert.rejects(impatient.lock("other", 1000), Redlock.LockError);
  lock = await lock.extend(100_000);
  for (const client of clients) assert.ok(60_000 < (await client.pttl("other")));
  await lock.unlock();
  await (await impatient.lock("other", 1000)).unlock();

  await impatient.lock("short", 30);
  const after = await patient.lock("short", 1000);
  await after.unlock();

  // One of three is gone.
  clients[2].shutdown("NOSAVE").catch(() => {});
  await new Promise((resolve) => clients[2].once("end", resolve));
  for (let turn = 0; turn < 10; turn++) {
    lock = await impatient.lock("resource", 10_000);
    assert.equal(await clients[0].exists("resource"), 1);
    await lock.unlock();
    assert.equal(await clients[0].exists("resource"), 0);
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
