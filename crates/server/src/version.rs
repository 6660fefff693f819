//! Who we are, and whom we answer like.

/// This server's version.
pub(crate) const OCHRE: &str = env!("CARGO_PKG_VERSION");

/// The allocator and its version, as INFO names it.
pub(crate) fn allocator() -> &'static str {
    static NAME: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("jemalloc-{}", allocator::version()));
    &NAME
}

/// What `--version` prints: for a program called `redis-server`, in the form that scripts read.
pub(crate) fn line(program: &str) -> String {
    let redis = engine::REDIS_VERSION;
    let malloc = allocator();
    let bits = usize::BITS;
    if is_named_redis(program) {
        format!(
            "Redis server v={redis} sha=00000000:0 malloc={malloc} bits={bits} build=ochre-{OCHRE}"
        )
    } else {
        format!("Ochre server v={OCHRE} redis={redis} malloc={malloc} bits={bits}")
    }
}

/// What `--help` prints.
pub(crate) fn usage(program: &str) -> String {
    format!(
        "Usage: {program} [file] [--directive value ...] [-]
       {program} -v or --version
       {program} -h or --help
       {program} --check-system

Every directive of the configuration file is an option too; a lone - reads more of the file from
standard input.

Examples:
       {program}                          (all directives at their defaults)
       echo 'maxmemory 128mb' | {program} -
       {program} /etc/ochre.conf
       {program} --port 7777 --bind 127.0.0.1
       {program} /etc/ochre.conf --loglevel verbose
"
    )
}

fn is_named_redis(program: &str) -> bool {
    std::path::Path::new(program)
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("redis-"))
}
