//! Templates, and a title that `ps` would show.

use std::path::Path;

use super::*;
use crate::process::replay;

const VARIABLES: Variables<'_> = Variables {
    title: "ochre-server",
    listen_address: "*:7000",
    server_mode: "",
    port: 7000,
    tls_port: 0,
    unix_socket: "",
    config_file: "/etc/ochre.conf",
};

#[track_caller]
fn check(template: &str, expected: &str) {
    assert_eq!(Template::parse(template).unwrap().expand(&VARIABLES), expected);
}

#[test]
fn templates_are_filled_in() {
    check("{title} {listen-addr} {server-mode}", "ochre-server *:7000");
    check(
        " {title}:{port}/{tls-port} [{unixsocket}] {config-file}",
        "ochre-server:7000/0 [] /etc/ochre.conf",
    );
    check("{{title} {TITLE}", "{title} ochre-server");
    check("", "");
    check("} plain", "} plain");
}

#[test]
fn unknown_variables_and_open_braces_are_refused() {
    for template in ["{nothing}", "{title", "{", "{title} {}"] {
        assert_eq!(Template::parse(template), Err(TemplateError), "{template}");
    }
}

#[test]
fn the_area_is_found_behind_any_name() {
    let mut fields = vec!["S"; 1];
    fields.extend(["0"; 44]);
    fields.extend(["1000", "1200", "1200", "1500", "0"]);
    let stat = |fields: &[&str]| format!("1 (a) b ( c) {}", fields.join(" "));
    let area = Area::parse(&stat(&fields)).unwrap();
    assert_eq!((area.start, area.length), (1000, 500));
    // An environment elsewhere is left alone.
    fields[47] = "1300";
    let area = Area::parse(&stat(&fields)).unwrap();
    assert_eq!((area.start, area.length), (1000, 200));
    assert!(Area::parse("1 (a) S 0").is_none());
    assert!(Area::parse("").is_none());
}

fn shown() -> String {
    let bytes = fs::read("/proc/self/cmdline").unwrap();
    String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()
}

/// The test harness has threads of its own, so this goes behind the check for them; the only other thread waits for this
/// one.
#[test]
fn the_title_is_shown_and_the_environment_survives() {
    let name = "process::title::tests::the_title_is_shown_and_the_environment_survives";
    let Some(directory) = replay::directory(name) else { return };
    let before: Vec<(OsString, OsString)> = env::vars_os().collect();
    let mut area = Area::find().unwrap();
    move_environment();
    for title in ["ochre-server *:7000", "x", &"long ".repeat(100)] {
        area.write(title);
        assert_eq!(shown(), title[..title.len().min(area.length - 1)]);
    }
    area.write(&"endless ".repeat(100_000));
    assert!(shown().starts_with("endless endless"));
    let mut after: Vec<(OsString, OsString)> = env::vars_os().collect();
    let mut before = before;
    before.sort();
    after.sort();
    assert_eq!(before, after);
    assert!(Path::new(&directory).is_dir());
}

#[test]
fn a_title_is_claimed_once() {
    let name = "process::title::tests::a_title_is_claimed_once";
    let Some(_) = replay::directory(name) else { return };
    let claim_and_set = || {
        let Ok(title) = Title::claim() else { return 2 };
        title.set("ochre-server 127.0.0.1:7000 [cluster]");
        let is_late = matches!(Title::claim(), Err(TitleError::TooLate));
        if is_late && shown() == "ochre-server 127.0.0.1:7000 [cluster]" { 0 } else { 3 }
    };
    // SAFETY: the child, which has one thread, calls only what a whole copy may: the harness's other thread sleeps.
    match unsafe { libc::fork() } {
        0 => std::process::exit(claim_and_set()),
        child => {
            let pid = rustix::process::Pid::from_raw(child).unwrap();
            let options = rustix::process::WaitOptions::empty();
            let (_, status) = rustix::process::waitpid(Some(pid), options).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
    }
}

#[test]
fn a_process_with_threads_keeps_its_title() {
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(matches!(Title::claim(), Err(TitleError::TooLate))));
    });
}
