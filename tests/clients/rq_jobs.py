"""RQ: two workers empty a queue; every job runs exactly once, one that fails is tried again and one that depends on another
comes after it. Arguments: the port, and how many jobs."""

import os
import subprocess
import sys

import redis
from rq import Queue, Retry, SimpleWorker

port, count = int(sys.argv[1]), int(sys.argv[2])


def work(number):
    ledger = redis.Redis(port=int(os.environ["RQ_TEST_PORT"]), db=1)
    if number % 10 == 3 and ledger.sadd("failed", number):
        raise RuntimeError("not yet")
    ledger.hincrby("done", number, 1)
    return number * 2


def after(number):
    ledger = redis.Redis(port=int(os.environ["RQ_TEST_PORT"]), db=1)
    assert ledger.hexists("done", number), "it came too early"
    ledger.incr("after")


def run_worker():
    import rq_jobs  # What jobs are called in the queue.

    connection = redis.Redis(port=port)
    queue = Queue("jobs", connection=connection)
    SimpleWorker([queue], connection=connection).work(burst=True, logging_level="ERROR")
    assert rq_jobs


def main():
    import rq_jobs

    os.environ["RQ_TEST_PORT"] = str(port)
    connection = redis.Redis(port=port)
    ledger = redis.Redis(port=port, db=1)
    queue = Queue("jobs", connection=connection)
    jobs = queue.enqueue_many(
        [
            Queue.prepare_data(rq_jobs.work, args=(number,), retry=Retry(max=2), result_ttl=600)
            for number in range(count)
        ]
    )
    queue.enqueue(rq_jobs.after, 0, depends_on=jobs[0])
    command = [sys.executable, __file__, str(port), str(count), "worker"]
    for attempt in range(3):
        workers = [subprocess.Popen(command) for _ in range(2)]
        assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
        if ledger.hlen("done") == count:
            break
    assert ledger.hlen("done") == count, ledger.hlen("done")
    assert set(ledger.hvals("done")) == {b"1"}
    assert ledger.get("after") == b"1"
    assert queue.count == 0
    assert jobs[1].return_value() == 2
    assert queue.failed_job_registry.count == 0


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    run_worker() if len(sys.argv) == 4 else main()
