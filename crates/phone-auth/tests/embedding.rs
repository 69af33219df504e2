//! The application of the README: the same text, and what it does when it runs.
#![cfg(all(feature = "web", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../examples/embed.rs"]
#[expect(dead_code, reason = "it is a program, and its main is not called here")]
mod embed;

use phone_auth::SiteOrigin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

#[test]
fn readme_shows_the_example() {
    let readme = include_str!("../../../README.md");
    let example = include_str!("../examples/embed.rs");
    let (_, rest) = readme.split_once("```rust\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    assert!(
        block == example,
        "the README's main.rs is not examples/embed.rs"
    );
    assert!(example.lines().count() < 70, "it is to be under 70 lines");
}

/// Sends a request and gives status, head and body.
async fn ask(
    host: &str,
    method: &str,
    path: &str,
    form: &str,
    cookies: &str,
) -> (u16, String, String) {
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nCookie: {cookies}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

/// The cookies that an answer sets.
fn cookies(head: &str) -> String {
    let set = head
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    set.filter_map(|cookie| cookie.split(';').next())
        .collect::<Vec<_>>()
        .join("; ")
}

#[tokio::test]
async fn example_takes_a_person_to_the_club() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("app.sqlite3").display());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let site = SiteOrigin::parse(&format!("http://{host}")).unwrap();
    let (queue, mut mail) = mpsc::channel(100);
    let key = phone_auth::SecretKey::generate().unwrap();
    let app = embed::app(&database, key, embed::Mailer { site, queue })
        .await
        .unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });

    let form = "first_name=Ann&last_name=Lee&username=ann&email=ann%40example.org&phone=%2B41446681800\
        &password=correct-horse&confirm_password=correct-horse";
    assert_eq!(ask(&host, "GET", "/", "", "").await.2, "Hello");
    assert_eq!(ask(&host, "GET", "/club/", "", "").await.0, 302);
    assert_eq!(
        ask(&host, "POST", "/accounts/signup/", form, "").await.0,
        302
    );
    let (status, head, _) = ask(
        &host,
        "POST",
        "/accounts/login/",
        "login=ann&password=correct-horse",
        "",
    )
    .await;
    assert_eq!(status, 302);
    let ann = cookies(&head);
    assert_eq!(
        ask(&host, "GET", "/club/", "", &ann).await.0,
        302,
        "not verified yet"
    );

    ask(
        &host,
        "POST",
        "/accounts/user_verification/",
        "method=email&pk=1",
        &ann,
    )
    .await;
    let letter = mail.recv().await.unwrap();
    let link = letter
        .strip_prefix("to ann@example.org: is this you? ")
        .unwrap();
    let path = link.strip_prefix(&format!("http://{host}")).unwrap();
    assert_eq!(ask(&host, "GET", path, "", "").await.0, 200);
    let (status, _, body) = ask(&host, "GET", "/club/", "", &ann).await;
    assert_eq!((status, body.as_str()), (200, "Welcome to the club, Ann"));

    ask(
        &host,
        "POST",
        "/accounts/password_reset/",
        "login=ann%40example.org",
        "",
    )
    .await;
    let letter = mail.recv().await.unwrap();
    assert!(
        letter.starts_with("to ann@example.org: a new password? http://"),
        "{letter}"
    );
}
