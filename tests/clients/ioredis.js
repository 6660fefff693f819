// What applications do with ioredis, against the server on the port given: a session store, a cache, a rate
// limiter. Ends with a status other than 0 at the first wrong answer.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const Redis = require("ioredis");

const port = Number(process.argv[2]);
// Where the certificates are, if the connections are to be encrypted.
const files = process.env.OCHRE_TLS_FILES;
const encryption = files && {
  tls: Object.fromEntries(
    [["ca", "ca.crt"], ["cert", "client.crt"], ["key", "client.key"]]
      .map(([option, name]) => [option, fs.readFileSync(path.join(files, name))])),
};
const PATIENCE_MS = 10_000;

function connect(options = {}) {
  return new Redis({ port, host: "127.0.0.1", commandTimeout: PATIENCE_MS, ...encryption, ...options });
}

async function waitUntil(condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, "it never happened");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function sessionStore(redis) {
  const data = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  assert.equal(await redis.set("session:ada", data, "EX", 60, "NX"), "OK");
  assert.equal(await redis.set("session:ada", "other", "EX", 60, "NX"), null);
  assert.deepEqual(await redis.getexBuffer("session:ada", "EX", 100), data);
  const seconds = await redis.ttl("session:ada");
  assert.ok(98 < seconds && seconds <= 100, String(seconds));
  assert.deepEqual(await redis.getdelBuffer("session:ada"), data);
  assert.equal(await redis.get("session:ada"), null);
  assert.equal(await redis.set("session:bob", "data", "PX", 40), "OK");
  await waitUntil(async () => (await redis.exists("session:bob")) === 0);
  for (let number = 0; number < 300; number++) await redis.set(`session:many-${number}`, number);
  const found = new Set();
  for await (const keys of redis.scanStream({ match: "session:many-*", count: 20 })) {
    keys.forEach((key) => found.add(key));
  }
  assert.equal(found.size, 300);
  assert.equal(await redis.unlink(...found), 300);
}

async function cache(redis) {
  let calls = 0;
  const cached = async (argument, lifetimeMs) => {
    const present = await redis.get(`cache:${argument}`);
    if (present !== null) return present;
    calls += 1;
    await redis.set(`cache:${argument}`, `result of ${argument}`, "PX", lifetimeMs);
    return `result of ${argument}`;
  };
  assert.equal(await cached("a", 60_000), "result of a");
  assert.equal(await cached("a", 60_000), "result of a");
  assert.equal(calls, 1);
  await cached("b", 30);
  await waitUntil(async () => (await redis.get("cache:b")) === null);
  await cached("b", 30);
  assert.equal(calls, 3);
  await redis.mset({ one: "1", two: "2" });
  assert.deepEqual(await redis.mget("one", "two", "three"), ["1", "2", null]);
}

async function rateLimiter(redis) {
  const allowed = async (client, who, limit, windowMs) => {
    const [[, count]] = await client
      .pipeline()
      .incr(`rate:${who}`)
      .pexpire(`rate:${who}`, windowMs, "NX")
      .exec();
    return count <= limit;
  };
  const verdicts = [];
  for (let number = 0; number < 5; number++) verdicts.push(await allowed(redis, "eve", 3, 60_000));
  assert.deepEqual(verdicts, [true, true, true, false, false]);
  assert.equal(await allowed(redis, "short", 1, 60), true);
  await waitUntil(() => allowed(redis, "short", 1, 60));
  const crowd = Array.from({ length: 10 }, () => connect());
  const results = await Promise.all(
    crowd.flatMap((client) => Array.from({ length: 40 }, () => allowed(client, "crowd", 100, 60_000))),
  );
  assert.equal(results.filter(Boolean).length, 100);
  crowd.forEach((client) => client.disconnect());
}

async function pipelines(redis) {
  // Commands of one tick go out together, without the application asking for it.
  const automatic = connect({ enableAutoPipelining: true });
  const replies = await Promise.all(Array.from({ length: 1000 }, () => automatic.incr("auto")));
  assert.deepEqual(replies, Array.from({ length: 1000 }, (_, index) => index + 1));
  automatic.disconnect();
  const pipeline = redis.pipeline();
  for (let number = 0; number < 10_000; number++) pipeline.set(`p:${number}`, number);
  pipeline.get("p:9999");
  pipeline.incr("missing-or-not").append("p:7", "x").incr("p:7");
  const results = await pipeline.exec();
  assert.equal(results.length, 10_004);
  assert.equal(results[10_000][1], "9999");
  assert.equal(results[10_002][1], 2);
  assert.equal(results[10_003][0].message, "ERR value is not an integer or out of range");
}

async function introspection(redis) {
  assert.match(await redis.info("server"), /redis_version:7\.4\./);
  assert.deepEqual(await redis.config("GET", "maxmemory-policy"), ["maxmemory-policy", "noeviction"]);
  await redis.client("SETNAME", "js");
  assert.equal(await redis.client("GETNAME"), "js");
  assert.match(await redis.client("LIST"), /name=js /);
  await assert.rejects(redis.call("NONSENSE", "a"), {
    message: "ERR unknown command 'NONSENSE', with args beginning with: 'a' ",
  });
}

async function main() {
  const redis = connect();
  await redis.flushall();
  await sessionStore(redis);
  await cache(redis);
  await rateLimiter(redis);
  await pipelines(redis);
  await introspection(redis);
  await redis.quit();
}

// Ends at once: the timers of answered commands would keep the process waiting.
main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
