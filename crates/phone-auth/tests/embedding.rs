//! The application of the README: the same text, and what it does when it runs.
#![cfg(all(feature = "web", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::panic, reason = "it is how a test fails")]

#[path = "../examples/embed.rs"]
#[expect(dead_code, reason = "it is a program, and its main is not called here")]
mod embed;

use std::io;
use std::time::Duration;

use phone_auth::{Database, SecretKey, SiteOrigin};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

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
    assert!(example.lines().count() < 64, "it is to be short");
}

/// A letter box: each write is a piece of a letter.
struct Post(mpsc::UnboundedSender<Vec<u8>>);

impl io::Write for Post {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.send(piece.to_owned()).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The next letter, which ends with its line.
async fn letter(pieces: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> String {
    let mut letter = String::new();
    while !letter.ends_with('\n') {
        letter.push_str(str::from_utf8(&pieces.recv().await.unwrap()).unwrap());
    }
    letter
}

/// What a browser keeps while it walks.
struct Browser {
    host: String,
    cookies: Vec<String>,
}

/// What a page answers in the end, when all redirects are followed.
struct Page {
    status: u16,
    path: String,
    body: String,
}

impl Browser {
    async fn get(&mut self, path: &str) -> Page {
        self.walk("GET", path, "").await
    }

    async fn post(&mut self, path: &str, form: &str) -> Page {
        self.walk("POST", path, form).await
    }

    /// Sends a request and follows every redirect, at most five.
    async fn walk(&mut self, method: &str, path: &str, form: &str) -> Page {
        let (mut method, mut path, mut form) = (method, path.to_owned(), form);
        for _ in 0..5 {
            let (head, body) = self.ask(method, &path, form).await;
            for cookie in values(&head, "set-cookie: ") {
                let pair = cookie.split(';').next().unwrap().to_owned();
                let (name, _) = pair.split_once('=').unwrap();
                self.cookies
                    .retain(|kept| kept.split_once('=').unwrap().0 != name);
                self.cookies.push(pair);
            }
            let Some(next) = values(&head, "location: ").next() else {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Page { status, path, body };
            };
            (method, path, form) = ("GET", next.to_owned(), "");
        }
        panic!("{path} is the sixth redirect");
    }

    /// Sends one request and gives head and body.
    async fn ask(&self, method: &str, path: &str, form: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.host).await.unwrap();
        let (host, cookies, length) = (&self.host, self.cookies.join("; "), form.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             Cookie: {cookies}\r\n\r\n{form}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

/// The values of a header.
fn values<'h>(head: &'h str, name: &'h str) -> impl Iterator<Item = &'h str> {
    head.lines().filter_map(move |line| line.strip_prefix(name))
}

#[tokio::test]
async fn example_takes_a_user_to_the_club() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("sqlite:{}", folder.path().join("app.sqlite3").display());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let site = SiteOrigin::parse(&format!("http://{host}")).unwrap();
    let (post, mut mail) = mpsc::unbounded_channel();
    let mailer = embed::Mailer(Mutex::new(Box::new(Post(post))));
    let key = SecretKey::generate().unwrap();
    let database = Database::open(&name).await.unwrap();
    let auth = embed::accounts(site, key, database, mailer).await.unwrap();
    let app = embed::app(&auth);
    tokio::spawn(async { axum::serve(listener, app).await });

    let mut browser = Browser {
        host: host.clone(),
        cookies: Vec::new(),
    };
    assert_eq!(browser.get("/").await.body, "Hello");
    assert_eq!(
        browser.get("/club/").await.path,
        "/accounts/login/?next=/club/"
    );
    let form = "first_name=Ann&last_name=Lee&username=ann&email=ann%40example.org&phone=%2B41446681800\
        &password=correct-horse&confirm_password=correct-horse";
    let signed_up = browser.post("/accounts/signup/", form).await;
    assert_eq!(
        (signed_up.status, signed_up.path.as_str()),
        (200, "/accounts/login/?notice=signed-up")
    );
    let logged_in = browser
        .post("/accounts/login/", "login=ann&password=correct-horse")
        .await;
    assert_eq!(
        logged_in.status, 200,
        "nobody lands on a page that is not there"
    );
    assert!(
        logged_in.path.starts_with("/accounts/user_verification/"),
        "not verified yet: {}",
        logged_in.path
    );

    browser
        .post("/accounts/user_verification/", "method=email&pk=1")
        .await;
    let mail_text = letter(&mut mail).await;
    let link = mail_text
        .strip_prefix("to ann@example.org: ")
        .unwrap()
        .trim_end();
    let path = link.strip_prefix(&format!("http://{host}")).unwrap();
    assert_eq!(browser.get(path).await.status, 200);
    let club = browser.get("/club/").await;
    assert_eq!(
        (club.status, club.body.as_str()),
        (200, "Welcome to the club, Ann")
    );

    browser
        .post("/accounts/password_reset/", "login=ann%40example.org")
        .await;
    let mail_text = letter(&mut mail).await;
    assert!(
        mail_text.starts_with("to ann@example.org: http://"),
        "{mail_text}"
    );
    assert!(auth.shut_down(Duration::from_secs(20)).await);
}
