//! The program: it serves, and ends by itself when it is asked to.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

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

#[test]
fn program_serves_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("app.key");
    std::fs::write(
        &key,
        "3b1f8a40c7d95e26a8f07e1c4d2b9655e0917fa3c86d4b12f5a97c3e08d1b624",
    )
    .unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_tea-house"))
        .current_dir(folder.path())
        .env("TEA_HOUSE_ADDR", "127.0.0.1:0")
        .env("TEA_HOUSE_GRACE", "2")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let here = lines.next().unwrap().unwrap();
    let host = here.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /join/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("<h1>Join</h1>"),
        "{answer}"
    );
    // Neither one who never ends the question nor one who never reads the answer keeps it.
    let mut half = TcpStream::connect(host).unwrap();
    write!(half, "GET /join/ HTTP/1.1\r\nHost: {host}\r\n").unwrap();
    let full = reads_nothing(host);
    let id = program.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    // A program that waits for them waits for ever: it is killed, and that is no success.
    let (ended, waits) = std::sync::mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        let is_over = waits
            .recv_timeout(Duration::from_secs(60))
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
    assert!(guard.join().unwrap(), "it waited for its clients");
    assert!(status.success(), "{status}");
    drop((half, full));
}
