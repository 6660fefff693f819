//! What the log says when the process starts: a banner for people, or the one line that tools look for.
//!
//! Test tools of Redis's users wait for the line with ` PID: ` and the number, and read the port and the mode beside it.

use std::io::IsTerminal as _;
use std::io::stdout;

use crate::log;
use crate::log::Level;

/// When to show the banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Always,
    /// Where a person is looking: if the log goes to a terminal and nowhere else.
    OnTerminal {
        /// Whether the log goes to standard output only.
        logs_to_output: bool,
    },
}

/// What the banner tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Banner<'a> {
    /// This server's version.
    pub(crate) version: &'a str,
    /// The version of Redis that it answers like.
    pub(crate) redis_version: &'a str,
    /// `standalone`, `cluster` or `sentinel`.
    pub(crate) mode: &'a str,
    /// The port for clients; 0 if there is none.
    pub(crate) port: u16,
}

impl Banner<'_> {
    /// Logs the banner, or the line in its place.
    pub(crate) fn show(&self, show: Show) {
        let is_wanted = match show {
            Show::Always => true,
            Show::OnTerminal { logs_to_output } => logs_to_output && stdout().is_terminal(),
        };
        if is_wanted {
            log::raw(Level::Notice, &self.art());
        } else {
            log::notice(format_args!("Running mode={}, port={}.", self.mode, self.port));
        }
    }

    fn art(&self) -> String {
        let Banner { version, redis_version, mode, port } = self;
        let pid = std::process::id();
        let bits = usize::BITS;
        format!(
            r"
           .:-======-:.
        .-=+++======+++=-.            Ochre {version} ({bits} bit)
      .=++=:.        .:=++=.          Answers like Redis {redis_version}
     =++:    .:----:.    :++=
    =+=    :=++++++++=:    =+=        Running in {mode} mode
   .++.   -++++++++++++-   .++.       Port: {port}
   .++.   -++++++++++++-   .++.       PID: {pid}
    =+=    :=++++++++=:    =+=
     =++:    .:----:.    :++=
      .=++=:.        .:=++=.
        .-=+++======+++=-.
           .:-======-:.

"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANNER: Banner<'_> =
        Banner { version: "1.2.3", redis_version: "7.4.0", mode: "standalone", port: 7000 };

    #[test]
    fn the_banner_has_the_lines_that_tools_wait_for() {
        let art = BANNER.art();
        for expected in ["Ochre 1.2.3", "Redis 7.4.0", "Running in standalone mode", "Port: 7000"] {
            assert!(art.contains(expected), "{art}");
        }
        let line = art.lines().find(|line| line.contains("PID")).unwrap();
        assert!(line.ends_with(&format!(" PID: {}", std::process::id())), "{line}");
        assert!(art.lines().all(|line| line.len() < 80));
    }

    #[test]
    fn without_a_terminal_there_is_one_line() {
        use crate::process::replay;

        let name = "process::banner::tests::without_a_terminal_there_is_one_line";
        let Some(directory) = replay::directory(name) else { return };
        let path = directory.join("server.log");
        let file = Some(path.clone());
        log::configure(log::Settings { file, ..log::Settings::default() }).unwrap();
        BANNER.show(Show::OnTerminal { logs_to_output: true });
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with(" * Running mode=standalone, port=7000.\n"), "{text}");
        BANNER.show(Show::Always);
        assert!(std::fs::read_to_string(&path).unwrap().contains("Port: 7000"));
    }
}
