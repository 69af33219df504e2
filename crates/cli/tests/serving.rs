//! Starting, stopping, and what survives.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Answer, Folder, PATIENCE, Ran, Site};
use rustix::fs::Mode;
use rustix::process::Signal;

const SIGN_UP: &str = "first_name=Ann&last_name=Lee&username=ann&email=ann%40example.org\
    &phone=%2B41446681800&password=correct-horse&confirm_password=correct-horse";

#[test]
fn banner_says_where_to_look() {
    let folder = Folder::new();
    let mut site = folder.serve();
    site.wait_for(|line| line.contains("Ctrl-C"));
    let said = site.said.join("\n");
    assert_ne!(site.host, "127.0.0.1:0");
    assert!(said.starts_with("phone-auth "), "{said}");
    for part in [
        format!("http://{}/", site.host),
        format!("http://{}/dev/mailbox/", site.host),
        folder.join("phone-auth.sqlite3").display().to_string(),
        "development".to_owned(),
    ] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn ipv6_loopback_is_served() {
    if TcpListener::bind("[::1]:0").is_err() {
        // The machine has no IPv6: there is nothing to listen on.
        return;
    }
    let folder = Folder::new();
    let mut command = folder.command();
    command.args(["--addr", "[::1]:0"]);
    let site = Site::start(command);
    assert!(site.host.starts_with("[::1]:"));
    assert_eq!(site.get("/accounts/login/").status, 200);
}

#[test]
fn taken_port_is_named() {
    let folder = Folder::new();
    let site = folder.serve();
    let other = Folder::new();
    let ran = other.run(&["serve", "--addr", &site.host]);
    assert_eq!(ran.code, Some(1));
    let said = format!(
        "phone-auth: cannot listen on {}: another program listens there",
        site.host
    );
    assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn two_sites_share_database() {
    let folder = Folder::new();
    let first = folder.serve();
    let second = folder.serve();
    assert_eq!(first.post("/accounts/signup/", SIGN_UP).status, 302);
    let answer = second.post("/accounts/login/", "login=ann&password=correct-horse");
    assert_eq!(answer.status, 302);
}

#[test]
fn every_signal_stops_cleanly() {
    let folder = Folder::new();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let mut site = folder.serve();
        // A connection without a request keeps nobody waiting.
        let _idle = site.connect();
        site.signal(signal);
        // `timeout` sends a second one, and a terminal another kind: it is the same wish.
        site.signal(Signal::TERM);
        site.signal(signal);
        let (code, logs) = site.wait();
        assert_eq!((code, logs.as_str()), (Some(0), ""));
        assert_eq!(site.said.last().map(String::as_str), Some("stopped"));
    }
}

#[test]
fn other_signals_end_nothing() {
    let folder = Folder::new();
    let mut site = folder.serve();
    for signal in [Signal::USR1, Signal::USR2] {
        site.signal(signal);
        assert_eq!(site.get("/accounts/login/").status, 200, "{signal:?}");
    }
    let (code, logs) = site.stop();
    assert_eq!(code, Some(0), "{logs}");
    for name in ["SIGUSR1", "SIGUSR2"] {
        assert!(logs.contains(name), "{logs}");
    }
}

#[test]
fn request_in_flight_finishes() {
    let folder = Folder::new();
    let mut site = folder.serve();
    let mut stream = site.connect();
    let (first, rest) = SIGN_UP.split_at(20);
    let head = format!(
        "POST /accounts/signup/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
         Expect: 100-continue\r\n\r\n",
        host = site.host,
        length = SIGN_UP.len(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body once the request is being handled.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100 Continue"));
    stream.write_all(first.as_bytes()).unwrap();
    site.signal(Signal::TERM);
    let said = site.wait_for(|line| line.starts_with("stopping"));
    assert!(said.contains("1 connections to finish"), "{said}");
    assert!(
        TcpStream::connect(&site.host).is_err(),
        "nobody is let in any more"
    );
    stream.write_all(rest.as_bytes()).unwrap();
    let answer = Answer::read(&mut stream);
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert_eq!(site.wait().0, Some(0));
    assert_eq!(
        folder
            .run(&["user", "list"])
            .stdout
            .matches("ann@example.org")
            .count(),
        1
    );
}

#[test]
fn grace_has_an_end() {
    let folder = Folder::new();
    let mut site = folder.serve_with(|command| {
        command.env("PHONE_AUTH_SHUTDOWN_GRACE", "50 ms");
    });
    let _waiting = half_a_request(&site);
    site.signal(Signal::TERM);
    let (code, logs) = site.wait();
    assert_eq!(code, Some(1));
    assert!(
        logs.contains("requests were not answered in time"),
        "{logs}"
    );
}

/// Under `nohup` a terminal that closes ends nothing.
#[test]
#[cfg(target_os = "linux")]
fn ignored_hang_up_stays_ignored() {
    let folder = Folder::new();
    let mut command = Command::new("nohup");
    command.current_dir(folder.path()).stdin(Stdio::null());
    command.arg(env!("CARGO_BIN_EXE_phone-auth"));
    command.args(["--addr", "127.0.0.1:0"]);
    let mut site = Site::start(command);
    site.signal(Signal::HUP);
    for _ in 0..10 {
        assert_eq!(site.get("/").status, 200);
    }
    assert_eq!(site.stop().0, Some(0));
    let stopping = |line: &String| line.starts_with("stopping");
    assert!(site.said.iter().any(stopping));
}

/// A database that takes connections and never answers keeps nobody from stopping the start.
#[test]
fn start_can_be_stopped() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://site@{}/site", silent.local_addr().unwrap());
    for command in ["serve", "worker"] {
        let folder = Folder::new();
        let key = folder.write("key", "5f2b8c1d9e7a4630b1c2d3e4f5a6978812345678");
        rustix::fs::chmod(&key, Mode::from_raw_mode(0o600)).unwrap();
        let mut program = folder.command();
        program.args([command, "--addr", "127.0.0.1:0", "--database", &url]);
        program.args(["--secret-key-file", "key"]);
        program.env("PHONE_AUTH_DATABASE_BUSY_TIMEOUT", "10 minutes");
        program.env("PHONE_AUTH_DEVELOPMENT", "true");
        let program = program
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let program = program.unwrap();
        // It has begun to wait for the database.
        let _asking = silent.accept().unwrap();
        let pid = rustix::process::Pid::from_child(&program);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        let ran = Ran::from(program.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("stopped before"), "{ran:?}");
    }
}

#[test]
fn second_wish_stops_at_once() {
    let folder = Folder::new();
    let mut site = folder.serve();
    let _waiting = half_a_request(&site);
    site.signal(Signal::INT);
    site.wait_for(|line| line.starts_with("stopping"));
    // A second signal within a second is the first one again.
    std::thread::sleep(Duration::from_millis(1100));
    site.signal(Signal::INT);
    let (code, logs) = site.wait();
    assert_eq!(code, Some(1));
    assert!(logs.contains("asked twice"), "{logs}");
}

/// A request whose body does not come; it is being handled when this returns.
fn half_a_request(site: &Site) -> TcpStream {
    let mut stream = site.connect();
    let head = format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\
         Expect: 100-continue\r\n\r\n",
        host = site.host,
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    stream
}

#[test]
fn slow_clients_are_ended() {
    // Each has a site of its own: with a short time for heads too, this machine could be too busy to
    // send the one of the second.
    let impatient = |folder: &Folder, setting: &str| {
        folder.serve_with(|command| {
            command.env(setting, "100 ms");
        })
    };
    let folder = Folder::new();
    let site = impatient(&folder, "PHONE_AUTH_HEADER_TIMEOUT");
    let mut head = site.connect();
    head.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    let mut answer = Vec::new();
    head.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("x-frame-options: DENY") && answer.contains("<h1>"),
        "{answer}"
    );
    let folder = Folder::new();
    let site = impatient(&folder, "PHONE_AUTH_REQUEST_TIMEOUT");
    let mut body = site.connect();
    write!(
        body,
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\
         Connection: close\r\n\r\nlogin=",
        host = site.host,
    )
    .unwrap();
    assert_eq!(Answer::read(&mut body).status, 408);
}

#[test]
fn waiting_connection_gives_way() {
    let folder = Folder::new();
    let site = folder.serve_with(|command| {
        command.env("PHONE_AUTH_MAX_CONNECTIONS", "1");
    });
    let mut first = half_a_request(&site);
    assert_eq!(site.get("/").status, 200);
    // Anyone who had to go is told, as far as they listen.
    let answer = Answer::read(&mut first);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some() && answer.body.contains("<h1>"));
}

#[test]
fn killed_site_keeps_what_it_acknowledged() {
    let folder = Folder::new();
    let mut site = folder.serve();
    assert_eq!(site.post("/accounts/signup/", SIGN_UP).status, 302);
    let logged_in = site.post("/accounts/login/", "login=ann&password=correct-horse");
    let cookies = logged_in.cookies();
    site.signal(Signal::KILL);
    site.wait();
    let again = folder.serve();
    let head = format!(
        "GET /accounts/profile/ HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\n",
        again.host
    );
    assert_eq!(again.request(&head, "").status, 200);
}

#[test]
fn closed_output_stops_nobody() {
    let folder = Folder::new();
    let made = ["user", "create", "ann", "--email", "ann@example.org"];
    assert_eq!(
        folder.run_with_input(&made, "correct-horse\n").code,
        Some(0)
    );
    let mut command = folder.command();
    command.args(["--addr", "127.0.0.1:0"]);
    let mut child = command
        .stdout(Stdio::piped())
        // It warns of each line that it cannot print.
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    // Anyone who reads goes away after the first line.
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let (_, rest) = first.split_once("http://").unwrap();
    let host = rest.trim_end().trim_end_matches('/');
    // What is printed after that is lost, and nothing else is.
    for _ in 0..2 {
        let answer = ask_reset(host, "ann%40example.org");
        assert_eq!(answer.status, 302, "{answer:?}");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Asks for a reset on a site whose output someone else reads.
fn ask_reset(host: &str, login: &str) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let form = format!("login={login}");
    write!(
        stream,
        "POST /accounts/password_reset/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{form}",
        length = form.len(),
    )
    .unwrap();
    Answer::read(&mut stream)
}

#[test]
fn unusable_database_is_named() {
    let folder = Folder::new();
    folder.write("notes.txt", &"not a database ".repeat(100));
    for (database, said) in [
        ("sqlite:notes.txt", "notes.txt"),
        ("sqlite:nowhere/site.sqlite3", "nowhere/site.sqlite3"),
    ] {
        let key = folder.write("key", "5f2b8c1d9e7a4630b1c2d3e4f5a6978812345678");
        rustix::fs::chmod(&key, Mode::from_raw_mode(0o600)).unwrap();
        let arguments = [
            "--addr",
            "127.0.0.1:0",
            "--secret-key-file",
            "key",
            "--database",
            database,
        ];
        let ran: Ran = folder.run(&arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
        let rule = "database (argument --database): it must be a SQLite file";
        assert!(ran.stderr.contains(rule), "{ran:?}");
    }
}

#[test]
fn read_only_database_is_named() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    let chmod = |path: &Path, mode| rustix::fs::chmod(path, Mode::from_raw_mode(mode)).unwrap();
    chmod(&folder.join("phone-auth.sqlite3"), 0o444);
    // Only the file refuses to be written: SQLite makes its log beside it.
    chmod(folder.path(), 0o777);
    // A copy that everybody can reach. Written by another process: a test that starts a program just
    // then would hold this file open, and what is open for writing cannot be run.
    let program = folder.join("program");
    let mut copies = Command::new("cp");
    copies.arg(env!("CARGO_BIN_EXE_phone-auth")).arg(&program);
    assert!(copies.status().unwrap().success());
    let mut command = folder.command_of(&program);
    // It opens the file as `serve` does, and ends either way.
    command.arg("migrate");
    if rustix::process::geteuid().is_root() {
        // Root may write everything, and anyone who has this number nothing.
        command.uid(65_534).gid(65_534);
    }
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.contains("database (default): it must be"));
    assert!(ran.stderr.contains("cannot be written"), "{ran:?}");
}

#[test]
fn failed_start_leaves_nothing() {
    let folder = Folder::new();
    folder.write("notes.txt", &"not a database ".repeat(100));
    let ran: Ran = folder.run(&["--addr", "127.0.0.1:0", "--database", "sqlite:notes.txt"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(!folder.join("notes.txt.key").exists());
    folder.write("key", "hunter2");
    let ran: Ran = folder.run(&["--addr", "127.0.0.1:0", "--secret-key-file", "key"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(!folder.join("phone-auth.sqlite3").exists());
}
