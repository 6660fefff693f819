"""The section of `compare` about encrypted connections.

The load comes from ochre-benchmark: redis-benchmark takes more than either server for each request, and then both answer as many as it
sends.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile

from share import limited

CLIENTS = 50


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def certificates():
    """A directory with an authority, and a certificate of 2048 bits RSA that it has signed."""
    directory = tempfile.mkdtemp(prefix="ochre-bench-tls-")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "2")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        with open(os.path.join(directory, "names"), "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl(
            "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt", "-days", "2",
            "-extfile", "names",
        )
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def encryption(bench):
    """Operations a second over TLS, and processor time of the server for each."""
    bench.title("TLS 1.3, one worker")
    with certificates() as directory, contextlib.ExitStack() as stack:
        servers, ports = [], {}
        for name in bench.servers:
            ports[name] = free_port()
            options = ["--tls-port", str(ports[name]), "--tls-auth-clients", "no", "--tls-session-caching", "no"]
            for option, file in (("cert", "server.crt"), ("key", "server.key"), ("ca-cert", "ca.crt")):
                options += [f"--tls-{option}-file", os.path.join(directory, file)]
            server = bench.launch(name, options=options)
            stack.callback(server.stop)
            servers.append(server)
            bench.fill(server)

        def load(test, pipeline, requests, size):
            encrypted = ["--tls", "--cacert", os.path.join(directory, "ca.crt"), "-h", "localhost"]
            load = ["-t", test, "-P", str(pipeline), "-n", str(requests), "-c", str(CLIENTS), "-d", str(size), "-r", "1000000"]
            return lambda server: bench.load(server, "-p", str(ports[server.name]), *encrypted, *load)["requests_per_second"]

        def compare(test, pipeline, requests, size, name, targets=("at most 0.77x", "at least 1.3x")):
            requests = max(int(requests * bench.scale), 10_000)
            bench.compare(name, servers, requests, load(test, pipeline, requests, size), targets)

        for test, pipeline, requests in (("set", 16, 1_000_000), ("get", 16, 1_000_000), ("set", 1, 200_000), ("get", 1, 200_000)):
            depth = f"{pipeline} deep" if 1 < pipeline else "not pipelined"
            compare(test, pipeline, requests, 64, f"{test.upper()} of 64 bytes, {depth}")
        # To encrypt that much takes the load longer than the servers: they have half of their core.
        is_limited = all([stack.enter_context(limited(server.process.pid, 0.5)) for server in servers])
        for test in ("set", "get"):
            name = f"{test.upper()} of 16,384 bytes, not pipelined"
            # What a call costs a process that is held up in the middle of it says little.
            compare(test, 1, 50_000, 16_384, f"{name}, half a core" if is_limited else name, ("", "at least 1.3x"))
