# syntax=docker/dockerfile:1
# Built in one stage, run in another that holds little more than the server.
#
#   docker build -t ochre .
#   docker run -p 6379:6379 -v ochre-data:/data ochre
#   docker run -v ./ochre.conf:/etc/ochre.conf ochre /etc/ochre.conf --bind '*' '-::*' --protected-mode no

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p ochre-server -p ochre-benchmark -p ochre-check && \
    mkdir -p /out && \
    cp target/release/ochre-server target/release/ochre-benchmark target/release/ochre-check-rdb target/release/ochre-check-aof /out/ && strip --strip-debug /out/*

FROM debian:bookworm-slim
RUN groupadd --system --gid 999 ochre && useradd --system --uid 999 --gid ochre --home-dir /data --no-create-home ochre && \
    mkdir /data && chown ochre:ochre /data
COPY --from=build /out/ /usr/local/bin/
# Found under the old names too by scripts and orchestrators that start `redis-server`.
RUN cd /usr/local/bin && for name in server check-rdb check-aof; do ln -s ochre-$name redis-$name; done
USER ochre
VOLUME /data
WORKDIR /data
EXPOSE 6379
STOPSIGNAL SIGTERM
ENTRYPOINT ["ochre-server"]
# Every address of a container is its own, and who reaches it is decided outside: with protected mode nobody would.
CMD ["--bind", "*", "-::*", "--protected-mode", "no"]
