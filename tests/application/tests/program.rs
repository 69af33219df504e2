//! The program: it serves, and ends by itself when it is asked to.
#![cfg(unix)]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Asks until the program can write no further: the client reads nothing.
fn reads_nothing(host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let question = format!("GET /join/ HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(100);
    loop {
        match stream.write_all(question.as_bytes()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return stream,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The program in this folder, which says on its output where it is.
fn start(folder: &Path, output: impl Into<Stdio>) -> Child {
    let key = "3b1f8a40c7d95e26a8f07e1c4d2b9655e0917fa3c86d4b12f5a97c3e08d1b624";
    std::fs::write(folder.join("app.key"), key).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tea-house"))
        .current_dir(folder)
        .env("TEA_HOUSE_ADDR", "127.0.0.1:0")
        .env("TEA_HOUSE_GRACE", "2")
        .stdout(output)
        .spawn()
        .unwrap()
}

/// The host and port of the first line.
fn host_in(output: impl Read) -> String {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).unwrap();
    let host = line.trim_end().strip_prefix("http://").unwrap();
    host.trim_end_matches('/').to_owned()
}

/// What the program says to one question.
fn ask(host: &str, question: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks the program by a signal to end, which it does with success.
fn ends(mut program: Child, signal: &str) {
    let id = program.id().to_string();
    let mut kill = Command::new("kill");
    kill.args(["-s", signal, &id]);
    assert!(kill.status().unwrap().success());
    // One that waits for others waits for ever: it is killed, and that is no success.
    let (ended, waits) = std::sync::mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        let is_over = waits
            .recv_timeout(Duration::from_mins(1))
            .is_err_and(|it| it == std::sync::mpsc::RecvTimeoutError::Disconnected);
        is_over
            || !Command::new("kill")
                .args(["-9", &id])
                .status()
                .unwrap()
                .success()
    });
    let status = program.wait().unwrap();
    drop(ended);
    assert!(guard.join().unwrap(), "it waited");
    assert!(status.success(), "{status}");
}

#[test]
fn program_serves_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = start(folder.path(), Stdio::piped());
    let host = &host_in(program.stdout.as_mut().unwrap());
    let question = format!("GET /join/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = ask(host, &question);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("<h1>Join</h1>"),
        "{answer}"
    );
    // Neither one who never ends the question nor one who never reads the answer keeps it.
    let mut half = TcpStream::connect(host).unwrap();
    write!(half, "GET /join/ HTTP/1.1\r\nHost: {host}\r\n").unwrap();
    let full = reads_nothing(host);
    ends(program, "TERM");
    drop((half, full));
}

/// By the ones who supervise it as by the one at the terminal.
#[test]
fn program_stops_by_either_signal() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = start(folder.path(), Stdio::piped());
        host_in(program.stdout.as_mut().unwrap());
        ends(program, signal);
    }
}

/// Mail is written to an output that nobody reads: the receiver waits for ever, and the program does not.
#[test]
fn program_stops_though_a_receiver_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let mut filler = writer.try_clone().unwrap();
    let program = start(folder.path(), OwnedFd::from(writer));
    let host = &host_in(&mut reader);
    fill(&mut filler);
    for (path, body) in [
        (
            "/join/",
            "first_name=Ann&email=ann%40example.org&favourite=Assam&password=correct-Horse-9",
        ),
        ("/konto/password_reset/", "login=ann%40example.org"),
    ] {
        let length = body.len();
        let question = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = ask(host, &question);
        let is_redirect = answer.starts_with("HTTP/1.1 30");
        assert!(is_redirect, "{path}: {answer}");
    }
    let database = folder.path().join("app.sqlite3");
    let begun = Instant::now();
    while !is_being_sent(&database) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody sends it");
        thread::sleep(Duration::from_millis(10));
    }
    ends(program, "TERM");
    // It had not finished: what a receiver has taken is pending no more.
    assert!(is_being_sent(&database));
    drop((filler, reader));
}

/// Writes until there is no room for another byte.
fn fill(output: &mut UnixStream) {
    output.set_nonblocking(true).unwrap();
    for piece in [&[b'x'; 4096][..], b"x"] {
        while output.write(piece).is_ok() {}
        let error = output.write(piece).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    // The program has the same end, and waits for room.
    output.set_nonblocking(false).unwrap();
}

/// Whether a receiver is at work on the link that was asked for.
fn is_being_sent(database: &Path) -> bool {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    let leased = "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox
        WHERE purpose = 'reset_password' AND leased_attempt = attempts)";
    connection.query_row(leased, [], |row| row.get(0)).unwrap()
}
