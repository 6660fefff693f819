// BullMQ, a job queue that lives of its Lua scripts: every job is processed exactly once, those that fail are tried again, those
// that are delayed come later, and a parent waits for its children. Arguments: the port, and how many jobs.
"use strict";

const assert = require("node:assert/strict");
const { FlowProducer, Queue, QueueEvents, Worker } = require("bullmq");

const port = Number(process.argv[2]);
const count = Number(process.argv[3]);
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const PATIENCE_MS = 120_000;

async function waitUntil(condition, what) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `it never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function manyJobs() {
  const queue = new Queue("many", { connection });
  const done = new Map();
  const failedOnce = new Set();
  const work = async (job) => {
    const { number } = job.data;
    if (number % 10 === 3 && !failedOnce.has(number)) {
      failedOnce.add(number);
      throw new Error("not yet");
    }
    done.set(number, (done.get(number) ?? 0) + 1);
    return number * 2;
  };
  const workers = [1, 2].map(() => new Worker("many", work, { connection, concurrency: 20 }));
  workers.forEach((worker) => worker.on("error", (error) => assert.fail(error)));
  for (let from = 0; from < count; from += 100) {
    const jobs = [];
    for (let number = from; number < Math.min(from + 100, count); number++) {
      const delay = number % 10 === 7 ? 50 : 0;
      const priority = number % 10 === 5 ? 3 : 0;
      jobs.push({ name: "job", data: { number }, opts: { attempts: 3, delay, priority } });
    }
    await queue.addBulk(jobs);
  }
  await waitUntil(async () => (await queue.getCompletedCount()) === count, "all jobs completed");
  for (let number = 0; number < count; number++) {
    assert.equal(done.get(number), 1, `job ${number}`);
  }
  const counts = await queue.getJobCounts();
  for (const [state, jobs] of Object.entries(counts)) {
    assert.equal(jobs, state === "completed" ? count : 0, state);
  }
  const [job] = await queue.getJobs(["completed"], 0, 0);
  assert.equal(job.returnvalue, job.data.number * 2);
  await Promise.all(workers.map((worker) => worker.close()));
  await queue.obliterate({ force: true });
  await queue.close();
}

async function family() {
  const flow = new FlowProducer({ connection });
  const events = new QueueEvents("parents", { connection });
  await events.waitUntilReady();
  const children = new Worker("children", async (job) => job.data.value, { connection });
  const sum = async (job) =>
    Object.values(await job.getChildrenValues()).reduce((total, value) => total + value, 0);
  const parents = new Worker("parents", sum, { connection });
  const tree = await flow.add({
    name: "parent",
    queueName: "parents",
    children: [1, 2, 3].map((value) => ({ name: "child", queueName: "children", data: { value } })),
  });
  assert.equal(await tree.job.waitUntilFinished(events, PATIENCE_MS), 6);
  await Promise.all([children.close(), parents.close(), events.close(), flow.close()]);
}

async function main() {
  await manyJobs();
  await family();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
