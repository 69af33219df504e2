//! The program: it serves, and ends by itself when it is asked to.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

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
    let asked = Command::new("kill").arg(program.id().to_string()).status();
    assert!(asked.unwrap().success());
    assert!(program.wait().unwrap().success());
}
