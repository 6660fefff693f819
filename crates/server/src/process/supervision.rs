//! Telling the service manager that started this process how far it is.
//!
//! systemd listens on a datagram socket that it names in `NOTIFY_SOCKET` (`sd_notify(3)`). Upstart waits for the process
//! to stop itself, and continues it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;
use rustix::process::getpid;
use rustix::process::kill_process;

use super::reason::reason;
use crate::log;

/// What `supervised` is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    No,
    Systemd,
    Upstart,
    /// Whichever left its mark in the environment.
    Auto,
}

/// The service manager, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Supervisor {
    None,
    Systemd {
        /// Where it listens.
        socket: OsString,
    },
    Upstart,
}

impl Supervisor {
    /// Finds the service manager, and tells it that the process has begun. For Upstart that stops the process until it
    /// is continued. A supervised process does not become a daemon.
    pub(crate) fn detect(mode: Mode) -> Supervisor {
        let (socket, job) = (env::var_os("NOTIFY_SOCKET"), env::var_os("UPSTART_JOB"));
        let supervisor = Supervisor::choose(mode, socket, job.is_some());
        match supervisor {
            Supervisor::None => {}
            Supervisor::Systemd { .. } => {
                log::notice(
                    "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
                     TimeoutStopSec in your service unit.",
                );
                supervisor.status("Ochre is loading...");
            }
            Supervisor::Upstart => {
                log::notice("supervised by upstart, will stop to signal readiness.");
                if let Err(error) = kill_process(getpid(), Signal::STOP) {
                    let error = io::Error::from(error);
                    log::warning(format_args!("upstart supervision error: {}", reason(&error)));
                }
            }
        }
        supervisor
    }

    fn choose(mode: Mode, socket: Option<OsString>, upstart: bool) -> Supervisor {
        match (mode, socket, upstart) {
            (Mode::No, ..) | (Mode::Auto, None, false) => Supervisor::None,
            (Mode::Auto, _, true) => {
                log::verbose("Upstart supervision detected.");
                Supervisor::Upstart
            }
            (Mode::Auto, Some(socket), false) => {
                log::verbose("Systemd supervision detected.");
                Supervisor::Systemd { socket }
            }
            (Mode::Systemd, Some(socket), _) => Supervisor::Systemd { socket },
            (Mode::Systemd, None, _) => {
                log::warning("systemd supervision error: NOTIFY_SOCKET not found!");
                Supervisor::None
            }
            (Mode::Upstart, _, true) => Supervisor::Upstart,
            (Mode::Upstart, _, false) => {
                log::warning("upstart supervision requested, but UPSTART_JOB not found!");
                Supervisor::None
            }
        }
    }

    /// What INFO says in `process_supervised`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Supervisor::None => "no",
            Supervisor::Systemd { .. } => "systemd",
            Supervisor::Upstart => "upstart",
        }
    }

    /// The server serves.
    pub(crate) fn ready(&self) {
        self.status("Ready to accept connections");
        self.notify("READY=1\n");
    }

    /// The server is about to end.
    pub(crate) fn stopping(&self) {
        self.notify("STOPPING=1\n");
    }

    /// What the server is doing, for people.
    pub(crate) fn status(&self, text: &str) {
        self.notify(&format!("STATUS={text}\n"));
    }

    /// A service manager that does not listen is told of in the log, and no reason to stop.
    fn notify(&self, message: &str) {
        let Supervisor::Systemd { socket } = self else { return };
        if let Err(error) = send(socket, message) {
            log::warning(format_args!("systemd supervision error: sd_notify: {}", reason(&error)));
        }
    }
}

/// A name that starts with `@` is in the abstract namespace.
fn send(socket: &OsString, message: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::replay;

    #[test]
    fn the_environment_decides() {
        let choose = |mode, socket: Option<&str>, upstart| {
            Supervisor::choose(mode, socket.map(Into::into), upstart).name()
        };
        assert_eq!(choose(Mode::No, Some("/run/notify"), true), "no");
        assert_eq!(choose(Mode::Auto, None, false), "no");
        assert_eq!(choose(Mode::Auto, Some("/run/notify"), false), "systemd");
        assert_eq!(choose(Mode::Auto, Some("/run/notify"), true), "upstart");
        assert_eq!(choose(Mode::Systemd, Some("/run/notify"), true), "systemd");
        assert_eq!(choose(Mode::Systemd, None, true), "no");
        assert_eq!(choose(Mode::Upstart, None, true), "upstart");
        assert_eq!(choose(Mode::Upstart, Some("/run/notify"), false), "no");
    }

    #[track_caller]
    fn check_course(listener: &UnixDatagram, supervisor: &Supervisor) {
        listener.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        supervisor.status("Ochre is loading...");
        supervisor.ready();
        supervisor.stopping();
        let mut buffer = [0; 256];
        for expected in [
            "STATUS=Ochre is loading...\n",
            "STATUS=Ready to accept connections\n",
            "READY=1\n",
            "STOPPING=1\n",
        ] {
            let length = listener.recv(&mut buffer).unwrap();
            assert_eq!(std::str::from_utf8(&buffer[..length]), Ok(expected));
        }
    }

    #[test]
    fn systemd_hears_of_every_step() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        check_course(&listener, &Supervisor::Systemd { socket: path.into_os_string() });

        let name = format!("ochre-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        check_course(&listener, &Supervisor::Systemd { socket: format!("@{name}").into() });
    }

    #[test]
    fn a_service_manager_that_is_gone_does_no_harm() {
        Supervisor::Systemd { socket: "/nonexistent/notify".into() }.ready();
        Supervisor::None.ready();
    }

    #[test]
    fn upstart_sees_the_process_stop() {
        use rustix::process::Pid;
        use rustix::process::WaitOptions;
        use rustix::process::waitpid;

        if replay::is_playing() {
            assert_eq!(Supervisor::detect(Mode::Auto), Supervisor::Upstart);
            return;
        }
        let name = "process::supervision::tests::upstart_sees_the_process_stop";
        let mut command = replay::command(name, "");
        let mut child = command.env("UPSTART_JOB", "ochre").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
        assert_eq!(status.stopping_signal(), Some(Signal::STOP.as_raw()));
        kill_process(pid, Signal::CONT).unwrap();
        assert!(child.wait().unwrap().success());
    }
}
