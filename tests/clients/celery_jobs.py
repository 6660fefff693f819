"""Celery with Redis as its broker and for its results: every task runs exactly once, one that fails is tried again, and a chord
waits for all its parts. Arguments: the port, and how many tasks."""

import os
import subprocess
import sys
import time

import redis
from celery import Celery, chord

port, count = int(sys.argv[1]), int(sys.argv[2])
url = f"redis://127.0.0.1:{port}/0"
app = Celery("celery_jobs", broker=url, backend=url)
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
    result_expires=600,
)
PATIENCE_S = 120


@app.task(name="work", bind=True, max_retries=3, default_retry_delay=0)
def work(self, number):
    ledger = redis.Redis(port=port, db=1)
    if number % 10 == 3 and self.request.retries == 0:
        raise self.retry(countdown=0)
    ledger.hincrby("done", number, 1)
    return number * 2


@app.task(name="total")
def total(numbers):
    return sum(numbers)


def main():
    ledger = redis.Redis(port=port, db=1)
    command = [sys.executable, __file__, str(port), str(count), "worker"]
    workers = [subprocess.Popen(command) for _ in range(2)]
    try:
        results = [work.delay(number) for number in range(count)]
        for number, result in enumerate(results):
            assert result.get(timeout=PATIENCE_S) == number * 2
        # A task that was lost would be missing here, one that ran twice would count twice.
        assert ledger.hlen("done") == count, ledger.hlen("done")
        assert set(ledger.hvals("done")) == {b"1"}
        parts = [work.s(number) for number in range(count, count + 5)]
        whole = chord(parts)(total.s())
        assert whole.get(timeout=PATIENCE_S) == 2 * sum(range(count, count + 5))
        broker = redis.Redis(port=port)
        end = time.monotonic() + PATIENCE_S
        while broker.llen("celery") or broker.hlen("unacked"):
            assert time.monotonic() < end, "tasks are left over"
            time.sleep(0.02)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=PATIENCE_S)


if len(sys.argv) == 4:
    os.environ.setdefault("C_FORCE_ROOT", "1")
    app.worker_main(["worker", "--pool=threads", "--concurrency=4", "--loglevel=WARNING", "--without-mingle"])
else:
    main()
