//! The application of the README: the same text, and what it does when it runs.
#![cfg(all(feature = "web", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../examples/embed.rs"]
#[expect(dead_code, reason = "it is a program, and its main is not called here")]
mod embed;

use std::io;
use std::time::Duration;

use phone_auth::{Database, SecretKey, SiteOrigin};
use phone_auth_testkit::TestBrowser;
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
    // By SIGTERM too: the program of the tests' application waits for the same.
    assert!(example.contains("phone_auth::stop_requested()?.await"));
    assert!(example.lines().count() < 70, "it is to be short");
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

#[tokio::test]
async fn example_takes_a_user_to_the_club() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("sqlite:{}", folder.path().join("app.sqlite3").display());
    let site = SiteOrigin::parse("https://example.org").unwrap();
    let (post, mut mail) = mpsc::unbounded_channel();
    let mailer = embed::Mailer(Mutex::new(Box::new(Post(post))));
    let key = SecretKey::generate().unwrap();
    let database = Database::open(&name).await.unwrap();
    let auth = embed::accounts(site, key, database, mailer).await.unwrap();

    let mut browser = TestBrowser::new(embed::app(&auth), auth.site());
    assert_eq!(browser.get("/").await.body, "Hello");
    let page = browser.get("/club/").await;
    assert_eq!(page.path, "/accounts/login/?next=/club/");
    let page = browser.get("/accounts/signup/").await;
    let ann = [
        ("first_name", "Ann"),
        ("last_name", "Lee"),
        ("username", "ann"),
        ("email", "ann@example.org"),
        ("phone", "+41446681800"),
        ("password", "correct-horse"),
        ("confirm_password", "correct-horse"),
    ];
    let page = browser.press(&page, "Sign up", &ann).await;
    assert_eq!(page.path, "/accounts/login/?notice=signed-up");
    let password = [("login", "ann"), ("password", "correct-horse")];
    let page = browser.press(&page, "Sign in", &password).await;
    assert_eq!(page.status, 200, "nobody lands on a page that is not there");
    assert!(
        page.path.starts_with("/accounts/user_verification/"),
        "not verified yet: {}",
        page.path
    );
    browser.press(&page, "Verify ann@example.org", &[]).await;
    let text = letter(&mut mail).await;
    let link = text
        .strip_prefix("to ann@example.org: https://example.org")
        .unwrap();
    assert_eq!(browser.get(link.trim_end()).await.status, 200);
    assert_eq!(browser.get("/club/").await.body, "Welcome to the club, Ann");

    let page = browser.get("/accounts/password_reset/").await;
    browser
        .press(&page, "Continue", &[("login", "ann@example.org")])
        .await;
    let text = letter(&mut mail).await;
    assert!(text.starts_with("to ann@example.org: https://"), "{text}");
    assert!(auth.shut_down(Duration::from_secs(20)).await);
}
