//! The tea house, by the test-kit, on both databases.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io;
use std::sync::{Arc, Mutex};

use phone_auth::Database;
use phone_auth_tea_house::{Orders, Post, tea_house};
use phone_auth_testkit::{PASSWORD, TestSite};

/// Keeps what is sent.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Post for Kept {
    fn send(&self, to: &str, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().push(format!("{to}: {text}"));
        Ok(())
    }
}

/// A tea house over a database of this name, and what it sends.
async fn open(name: &str) -> (TestSite, Arc<Kept>) {
    let database = Database::open(name).await.unwrap();
    let orders = Orders::open(name).await.unwrap();
    let sent = Arc::new(Kept::default());
    let post = Arc::clone(&sent);
    let site = TestSite::start(database, |builder| tea_house(builder, orders, post));
    (site.await.unwrap(), sent)
}

/// What Ann types to join.
const ANN: [(&str, &str); 4] = [
    ("first_name", "Ann"),
    ("email", "ann@example.org"),
    ("favourite", "Assam <b>"),
    ("password", PASSWORD),
];

/// From the door to the first order.
async fn guest_orders_tea(name: &str) {
    let (site, sent) = open(name).await;
    let mut ann = site.browser();
    let page = ann.get("/konto/password_reset/").await;
    assert!(page.body.contains("\"/join/") && !page.body.contains("/konto/signup/"));
    assert!(page.body.contains("\"/enter/") && !page.body.contains("/konto/login/"));
    let join = ann.get("/join/").await;
    let page = ann.press(&join, "Join", &ANN).await;
    assert_eq!(
        page.path.split('?').next(),
        Some("/konto/user_verification/")
    );
    ann.press(&page, "Verify ann@example.org", &[]).await;
    ann.get(&site.mail_to("ann@example.org").await.link).await;
    let page = ann.get("/orders/").await;
    assert!(page.body.contains("Your favourite: Assam &#60;b&#62;"));
    let page = ann.press(&page, "Order", &[("tea", "Assam")]).await;
    assert!(page.body.contains("<li>Ann: Assam</li>"));
    let welcome = "ann@example.org: Welcome, Ann".to_owned();
    assert!(sent.0.lock().unwrap().contains(&welcome));
}

#[tokio::test]
async fn guest_orders_tea_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    guest_orders_tea(&format!(
        "sqlite:{}",
        folder.path().join("tea.sqlite3").display()
    ))
    .await;
}

#[tokio::test]
async fn guest_orders_tea_on_postgres() {
    let database = phone_auth_test_postgres::Database::new().unwrap();
    guest_orders_tea(database.url()).await;
}

/// A guest comes in at the own page, from wherever one must be logged in, and goes on there.
#[tokio::test]
async fn guest_comes_in_at_the_own_page() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("sqlite:{}", folder.path().join("tea.sqlite3").display());
    let (site, _sent) = open(&name).await;
    site.user("ann").verified().create().await;
    for path in ["/orders/?a=1", "/konto/sessions/?a=1"] {
        let mut ann = site.browser();
        let door = ann.get(path).await;
        assert_eq!(door.path.split('?').next(), Some("/enter/"), "{path}");
        let wrong = [("login", "ann@example.org"), ("password", "wrong")];
        let door = ann.press(&door, "Come in", &wrong).await;
        assert_eq!(door.status, 400, "{path}");
        let right = [("password", PASSWORD)];
        let page = ann.press(&door, "Come in", &right).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.path, path);
    }
}

#[tokio::test]
async fn mistakes_are_told_at_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("sqlite:{}", folder.path().join("tea.sqlite3").display());
    let (site, sent) = open(&name).await;
    site.user("ann").create().await;
    let join = site.browser().get("/join/").await;
    for (fields, told) in [
        (
            [
                ("first_name", ""),
                ("email", "bob@example.org"),
                ("password", PASSWORD),
            ],
            "required",
        ),
        (
            [
                ("first_name", "<b>"),
                ("email", "bob"),
                ("password", PASSWORD),
            ],
            "valid email",
        ),
        (
            [
                ("first_name", "Bob"),
                ("email", "Ann@example.org"),
                ("password", PASSWORD),
            ],
            "This email address is already in use",
        ),
        (
            [
                ("first_name", "Bob"),
                ("email", "bob@example.org"),
                ("password", "1"),
            ],
            "too short",
        ),
    ] {
        let page = site.browser().press(&join, "Join", &fields).await;
        assert_eq!(page.status, 400, "{told}");
        assert!(page.body.contains(told), "{told}: {}", page.body);
        assert!(
            !page.body.contains("<b>") && !page.body.contains(PASSWORD),
            "{}",
            page.body
        );
        assert_eq!(page.header("cache-control"), "private, no-store");
    }
    let mut ann = site.user("cho").verified().signed_in().await;
    assert_eq!(
        ann.get("/join/").await.path,
        "/orders/",
        "those who are in need not join"
    );
    assert!(
        sent.0
            .lock()
            .unwrap()
            .iter()
            .all(|text| !text.starts_with("bob"))
    );
}
