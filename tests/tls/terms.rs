//! Who is let in and how, and how that changes while clients are connected.

use std::fs;

use harness::{Client, wait_until};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, HandshakeKind};

use super::authority::Authority;
use super::connecting::{Terms, stream};
use super::{Encrypted, connecting, error_of, ok};
use crate::subject;

/// The text of INFO.
fn information(client: &mut Client) -> String {
    client.run("INFO").as_text().expect("a text")
}

#[test]
fn plain_and_encrypted_clients_are_served_together() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut plain = encrypted.server.client();
        let mut client = encrypted.client();
        assert_eq!(plain.run("SET key value"), ok());
        assert_eq!(client.run("GET key").as_text().as_deref(), Some("value"));
        client.run("CLIENT SETNAME sealed");
        let list = plain.run("CLIENT LIST").as_text().expect("a text");
        assert_eq!(list.lines().count(), 2);
        let line = list.lines().find(|line| line.contains("name=sealed")).expect("it is listed");
        assert!(line.contains(&format!("laddr=127.0.0.1:{} ", encrypted.port)), "{line}");
        let information = information(&mut client);
        assert!(information.contains("connected_clients:2\r\n"));
        assert!(information.contains(&format!("tcp_port:{}\r\n", encrypted.server.port())));
        let listener = format!("listener2:name=tls,bind=127.0.0.1,port={}\r\n", encrypted.port);
        assert!(information.contains(&listener), "{information}");
        drop(client);
        assert!(wait_until(|| {
            let list = plain.run("CLIENT LIST").as_text().unwrap_or_default();
            list.lines().count() == 1
        }));
    });
}

#[test]
fn there_need_be_no_plain_port() {
    let launch = subject::launch().ready_at("Ready to accept connections tls");
    let encrypted = Encrypted::start(&launch, &["port 0"]);
    let mut client = encrypted.client();
    assert!(information(&mut client).contains(&format!("tcp_port:{}\r\n", encrypted.port)));
    assert!(!encrypted.server.log().contains("Ready to accept connections tcp"));
    // The plain port is opened, and the encrypted one closed: its clients stay.
    let port = harness::free_port();
    assert_eq!(client.run(&format!("CONFIG SET port {port}")), ok());
    assert_eq!(client.run("CONFIG SET tls-port 0"), ok());
    assert!(encrypted.terms().connect(encrypted.port).is_err());
    assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
    assert_eq!(client.run(&format!("CONFIG SET tls-port {}", encrypted.port)), ok());
    assert!(encrypted.terms().connect(encrypted.port).is_ok());
    let refused = client.run(&format!("CONFIG SET tls-port {port}"));
    let expected = "ERR CONFIG SET failed (possibly related to argument 'tls-port') - Unable to listen on this port. Check server \
                    logs.";
    assert_eq!(error_of(&refused).as_deref(), Some(expected));
    assert!(encrypted.terms().connect(encrypted.port).is_ok(), "what was before holds on");
}

#[test]
fn clients_must_may_or_need_not_show_a_good_certificate() {
    let stranger = Authority::new();
    // What is shown, and whether it is taken.
    for (rule, nothing, bad, good) in
        [("yes", false, false, true), ("optional", true, false, true), ("no", true, true, true)]
    {
        let line = format!("tls-auth-clients {rule}");
        let encrypted = Encrypted::start(&subject::launch(), &[&line]);
        let trusting = || Terms::trusting(&encrypted.authority);
        let is_in =
            |terms: Terms, versions: &[_]| terms.speaking(versions).connect(encrypted.port).is_ok();
        for version in [&TLS12, &TLS13] {
            assert_eq!(is_in(trusting(), &[version]), nothing, "{rule}, nothing, {version:?}");
            let other = trusting().showing(stranger.issue("client"));
            assert_eq!(is_in(other, &[version]), bad, "{rule}, a bad one, {version:?}");
            assert_eq!(is_in(encrypted.terms(), &[version]), good, "{rule}, {version:?}");
        }
        if rule == "yes" {
            let log = encrypted.server.log();
            assert!(log.contains("Error accepting a client connection: "), "{log}");
            // The bystander's rule changes while it is connected.
            let mut client = encrypted.client();
            assert_eq!(client.run("CONFIG SET tls-auth-clients no"), ok());
            assert!(trusting().connect(encrypted.port).is_ok());
            assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
        }
    }
}

#[test]
fn certificates_are_renewed_while_clients_are_connected() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &["tls-auth-clients no"]);
        let mut old = Terms::trusting(&encrypted.authority).connect(encrypted.port).expect("in");
        let renewed = Authority::new();
        let identity = renewed.issue("server");
        // The files are overwritten; their names are set to what they are.
        fs::write(encrypted.path("server.crt"), &identity.certificate).expect("can be written");
        let refused = old.run("CONFIG SET tls-cert-file server.crt");
        let expected = "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. \
                        Check server logs.";
        assert_eq!(error_of(&refused).as_deref(), Some(expected), "the key is another's");
        assert!(
            Terms::trusting(&encrypted.authority).connect(encrypted.port).is_ok(),
            "what was before holds on"
        );
        fs::write(encrypted.path("server.key"), &identity.key).expect("can be written");
        let reply = old.run("CONFIG SET tls-cert-file server.crt tls-key-file server.key");
        assert_eq!(reply, ok());
        assert!(Terms::trusting(&renewed).connect(encrypted.port).is_ok());
        assert!(Terms::trusting(&encrypted.authority).connect(encrypted.port).is_err());
        assert_eq!(old.run("SET key value"), ok());
    });
}

#[test]
fn keys_may_be_encrypted() {
    // The password is `secret`.
    let encrypted = Encrypted::start(&subject::launch(), &["tls-auth-clients no"]);
    let plain = encrypted.path("server.key");
    for cipher in ["aes256", "aes128", "des3"] {
        let sealed = encrypted.path("sealed.key");
        let output = std::process::Command::new("openssl")
            .args(["pkcs8", "-topk8", "-v2", cipher, "-passout", "pass:secret", "-in"])
            .arg(&plain)
            .arg("-out")
            .arg(&sealed)
            .output();
        assert!(output.expect("openssl runs").status.success());
        let mut client = encrypted.server.client();
        assert!(client.run("CONFIG SET tls-key-file sealed.key").is_error(), "without password");
        let wrong = client.run("CONFIG SET tls-key-file sealed.key tls-key-file-pass wrong");
        assert!(wrong.is_error());
        assert!(encrypted.server.log().contains("Failed to load private key: sealed.key: "));
        let right = client.run("CONFIG SET tls-key-file sealed.key tls-key-file-pass secret");
        assert_eq!(right, ok(), "{}", encrypted.server.log());
        assert!(encrypted.terms().connect(encrypted.port).is_ok());
        let back = client.run("CONFIG SET tls-key-file server.key tls-key-file-pass x");
        assert_eq!(back, ok());
    }
    let log = encrypted.server.log();
    assert!(!log.contains("secret") && !log.contains("wrong"), "passwords are not logged");
}

#[test]
fn versions_and_ciphers_are_those_that_are_allowed() {
    let encrypted = Encrypted::start(&subject::launch(), &["tls-protocols TLSv1.2"]);
    let mut plain = encrypted.server.client();
    let speaks = |version| encrypted.terms().speaking(&[version]).connect(encrypted.port).is_ok();
    assert!(speaks(&TLS12) && !speaks(&TLS13));
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-protocols", "TLSv1.3"]), ok());
    assert!(!speaks(&TLS12) && speaks(&TLS13));
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-protocols", ""]), ok());
    assert!(speaks(&TLS12) && speaks(&TLS13));
    assert!(plain.run("CONFIG SET tls-protocols TLSv1.1").is_error());
    let suite = |version| {
        let terms = encrypted.terms().speaking(&[version]);
        let stream = terms.stream(encrypted.port).expect("let in");
        stream.conn.negotiated_cipher_suite().map(|suite| suite.suite())
    };
    let lists = ["tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "tls-ciphers", "CHACHA20"];
    let words: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(lists).collect();
    assert_eq!(plain.call(&words), ok());
    assert_eq!(suite(&TLS13), Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256));
    assert_eq!(suite(&TLS12), Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256));
    // The client prefers AES with 256 bits, the server another one, if it is asked to choose.
    let order = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-ciphersuites", order]), ok());
    assert_eq!(suite(&TLS13), Some(CipherSuite::TLS13_AES_256_GCM_SHA384));
    assert_eq!(plain.run("CONFIG SET tls-prefer-server-ciphers yes"), ok());
    assert_eq!(suite(&TLS13), Some(CipherSuite::TLS13_AES_128_GCM_SHA256));
}

#[test]
fn sessions_are_resumed_if_so_configured() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut plain = encrypted.server.client();
        let kind = |version| {
            let configuration = encrypted.terms().speaking(&[version]).configuration();
            let mut last = None;
            for _ in 0..3 {
                let stream = stream(&configuration, encrypted.port).expect("let in");
                last = stream.conn.handshake_kind();
                let mut client = Client::through(stream);
                // What is needed to resume the session comes with the first reply, if not before.
                client.run("PING");
            }
            last
        };
        for version in [&TLS12, &TLS13] {
            assert_eq!(kind(version), Some(HandshakeKind::Resumed), "{version:?}");
        }
        assert_eq!(plain.run("CONFIG SET tls-session-caching no"), ok());
        for version in [&TLS12, &TLS13] {
            assert_eq!(kind(version), Some(HandshakeKind::Full), "{version:?}");
        }
        let reply = plain.run("CONFIG SET tls-session-caching yes tls-session-cache-timeout 0");
        assert_eq!(reply, ok());
        assert_eq!(kind(&TLS12), Some(HandshakeKind::Full));
    });
}

#[test]
fn who_is_not_let_in_by_protected_mode_is_told_so() {
    let encrypted = Encrypted::start(&subject::launch(), &["bind * -::*", "protected-mode yes"]);
    // An address of this machine that is not that of the loopback interface.
    let Some(address) = connecting::outer_address() else { return };
    let mut client = Client::through(
        connecting::stream_to(&encrypted.terms().configuration(), address, encrypted.port)
            .expect("the handshake is done"),
    );
    let reply = client.reply().expect("it is told");
    assert!(error_of(&reply).is_some_and(|text| text.starts_with("DENIED ")), "{reply:?}");
    assert!(client.closes());
}
