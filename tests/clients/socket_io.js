// socket.io with its Redis adapter: two servers in processes of their own, a client of each, and messages that find their way
// from one to the other. Argument: the port of the Redis server.
"use strict";

const assert = require("node:assert/strict");
const { fork } = require("node:child_process");
const { createServer } = require("node:http");
const Redis = require("ioredis");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { io: connect } = require("socket.io-client");

const PATIENCE_MS = 20_000;
const MESSAGES = 200;

/** One of the servers, in a process of its own: tells its port to its parent. */
function serve(port) {
  const http = createServer();
  const publisher = new Redis({ port, host: "127.0.0.1" });
  const io = new Server(http, { adapter: createAdapter(publisher, publisher.duplicate()) });
  io.on("connection", (socket) => {
    socket.on("join", async (room, joined) => {
      await socket.join(room);
      joined();
    });
    socket.on("say", (room, text) => io.to(room).emit("said", text));
    socket.on("count", async (room, counted) => counted((await io.in(room).fetchSockets()).length));
    socket.on("poll", (polled) => {
      io.timeout(PATIENCE_MS).emit("question", (error, answers) => polled(String(error), answers));
    });
  });
  http.listen(0, "127.0.0.1", () => process.send(http.address().port));
}

async function start(port) {
  const child = fork(__filename, [String(port), "serve"]);
  const own = await new Promise((resolve) => child.once("message", resolve));
  const client = connect(`http://127.0.0.1:${own}`, { transports: ["websocket"] });
  const heard = [];
  client.on("said", (text) => heard.push(text));
  client.on("question", (answer) => answer(own));
  await new Promise((resolve) => client.once("connect", resolve));
  return { child, client, heard, port: own };
}

async function waitUntil(condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, "it never happened");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const count = ({ client }, room) =>
  new Promise((resolve) => client.emit("count", room, resolve));

async function main(port) {
  const redis = new Redis({ port, host: "127.0.0.1" });
  const [ada, bob] = await Promise.all([start(port), start(port)]);
  // Each server hears the other.
  const channel = async () => (await redis.pubsub("NUMSUB", "socket.io-request#/#"))[1] === 2;
  await waitUntil(channel);
  await ada.client.emitWithAck("join", "room");
  await bob.client.emitWithAck("join", "room");
  await waitUntil(async () => (await count(ada, "room")) === 2);
  const texts = Array.from({ length: MESSAGES }, (_, number) => `message ${number}`);
  texts.forEach((text) => ada.client.emit("say", "room", text));
  await waitUntil(() => ada.heard.length === MESSAGES && bob.heard.length === MESSAGES);
  assert.deepEqual(bob.heard, texts);
  bob.client.emit("say", "elsewhere", "nobody hears this");
  bob.client.emit("say", "room", "last");
  await waitUntil(() => ada.heard.length === MESSAGES + 1);
  assert.equal(ada.heard.at(-1), "last");
  const [error, answers] = await new Promise((resolve) =>
    ada.client.emit("poll", (...polled) => resolve(polled)),
  );
  assert.equal(error, "null");
  assert.deepEqual(answers.sort(), [ada.port, bob.port].sort());
  for (const { child, client } of [ada, bob]) {
    client.disconnect();
    child.kill();
  }
}

if (process.argv[3] === "serve") {
  serve(Number(process.argv[2]));
} else {
  main(Number(process.argv[2])).then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}
