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

        for test, pipeline, requests, size in (
            ("set", 16, 1_000_000, 64),
            ("get", 16, 1_000_000, 64),
            ("set", 1, 200_000, 64),
            ("get", 1, 200_000, 64),
            ("set", 1, 50_000, 16_384),
            ("get", 1, 50_000, 16_384),
        ):
            requests = max(int(requests * bench.scale), 10_000)
            depth = f"{pipeline} deep" if 1 < pipeline else "not pipelined"
            name = f"{test.upper()} of {size:,} bytes, {depth}"
            bench.compare(name, servers, requests, load(test, pipeline, requests, size), ("at most 0.77x", "at least 1.3x"))
