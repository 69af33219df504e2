//! The gates of the guide, as its readers copy them: a user signs up through each and signs in.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use axum::Router;
use http::StatusCode;
use phone_auth::core::gate::Gate;
use phone_auth::tokens::{Keyring, SecretKey};
use phone_auth::{BuildError, Database, PhoneAuth, PhoneAuthBuilder};
use phone_auth_testkit::{PASSWORD, TestBrowser, TestPage, TestSite};
use sha2::{Digest, Sha256};

const GUIDE: &str = include_str!("../../../docs/guide/application.md");

mod staff {
    pub(super) const TEXT: &str = include_str!("gates/staff.txt");

    include!("gates/staff.txt");

    pub(super) fn gate() -> impl Gate + 'static {
        Staff
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the text of the guide, whose digests have four bytes"
)]
mod work {
    use phone_auth::tokens::Keyring;

    pub(super) const TEXT: &str = include_str!("gates/work.txt");

    include!("gates/work.txt");

    pub(super) fn gate(keyring: &Keyring) -> impl Gate + 'static {
        Work(keyring.derive("sign-up puzzle"))
    }

    /// The puzzle of so many minutes ago.
    pub(super) fn old(keyring: &Keyring, minutes: u64) -> String {
        Work(keyring.derive("sign-up puzzle")).puzzle(minute() - minutes)
    }
}

#[test]
fn gates_are_those_of_the_guide() {
    for text in [staff::TEXT, work::TEXT] {
        assert!(GUIDE.contains(text), "{text}");
    }
}

async fn gated(
    builder: PhoneAuthBuilder,
    gate: impl Gate + 'static,
) -> Result<(PhoneAuth, Router), BuildError> {
    let built = builder.accounts(|accounts| accounts.gate(gate)).build();
    let auth = built.await?;
    let router = auth.router();
    Ok((auth, router))
}

/// Sites on both databases, with what must be kept while they run.
async fn sites<G: Gate + 'static>(gate: impl Fn() -> G, test: impl AsyncFn(TestSite)) {
    let folder = tempfile::tempdir().unwrap();
    let server = phone_auth_test_postgres::Database::new().unwrap();
    let file = format!("sqlite:{}", folder.path().join("gate.sqlite3").display());
    for name in [&*file, server.url()] {
        let database = Database::open(name).await.unwrap();
        let site = TestSite::start(database, |builder| gated(builder, gate()));
        test(site.await.unwrap()).await;
    }
}

/// What someone of this name types, with this email address.
fn form<'a>(name: &'a str, email: &'a str, phone: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("first_name", "Ann"),
        ("last_name", "Lee"),
        ("username", name),
        ("email", email),
        ("phone", phone),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
    ]
}

async fn has_account(site: &TestSite, name: &str) -> bool {
    site.auth().accounts().find(name).await.unwrap().is_some()
}

/// Signs someone in who has signed up.
async fn signs_in(site: &TestSite, name: &str) {
    let mut browser = site.browser();
    site.sign_in(&mut browser, name).await;
    let page = browser.get("/accounts/user_verification/").await;
    assert_eq!(page.path, "/accounts/user_verification/");
}

async fn send(browser: &mut TestBrowser, form: &[(&str, &str)], answer: &str) -> TestPage {
    let answered = [form, &[("gate_answer", answer)]].concat();
    browser.post("/accounts/signup/", &answered).await
}

#[tokio::test]
async fn only_staff_joins() {
    sites(staff::gate, async |site| {
        let number = "+41446681800";
        for (name, email, joins) in [
            ("eve", "eve@example.org", false),
            ("mallory", "mallory@nottea.example", false),
            ("ann", "ann@tea.example", true),
        ] {
            let mut browser = site.browser();
            let page = browser
                .post("/accounts/signup/", &form(name, email, number))
                .await;
            let words = if email.is_empty() {
                "Sign up with your address at tea.example."
            } else {
                "Use your address at tea.example."
            };
            assert_eq!(page.body.contains(words), !joins, "{name}: {}", page.body);
            let is_denied = page.status == StatusCode::FORBIDDEN;
            assert_eq!(is_denied, !joins, "{name}");
            assert_eq!(has_account(&site, name).await, joins, "{name}");
            if joins {
                signs_in(&site, name).await;
            }
        }
    })
    .await;
}

/// What a script of the page does: it reads the puzzle at the field and looks for a number.
fn solve(page: &TestPage) -> String {
    let (_, rest) = page.body.split_once("data-puzzle=\"").unwrap();
    solution(rest.split('"').next().unwrap())
}

fn solution(puzzle: &str) -> String {
    let mut answers = (0_u64..).map(|number| format!("{puzzle}:{number}"));
    let is_one = |answer: &String| Sha256::digest(answer).starts_with(&[0, 0]);
    answers.find(is_one).unwrap()
}

#[tokio::test]
async fn work_is_done_before_signing_up() {
    let keyring = Keyring::new(SecretKey::generate().unwrap());
    sites(
        || work::gate(&keyring),
        async |site| {
            let mut browser = site.browser();
            let shown = browser.get("/accounts/signup/").await;
            assert!(
                shown
                    .body
                    .contains("Checking your browser, which takes a moment")
            );
            let solved = solve(&shown);
            let ann = form("ann", "ann@example.org", "+41446681800");
            let (puzzle, _) = solved.rsplit_once(':').unwrap();
            let too_old = solution(&work::old(&keyring, 11));
            for wrong in ["", "1", puzzle, &format!("{puzzle}:no"), &too_old] {
                let page = send(&mut browser, &ann, wrong).await;
                assert_eq!(page.status, StatusCode::FORBIDDEN, "{wrong}");
                // The form asks again, with what was typed but the password.
                assert!(
                    page.body.contains("data-puzzle=") && page.body.contains("ann@example.org")
                );
                assert!(!has_account(&site, "ann").await, "{wrong}");
            }
            let page = send(&mut browser, &ann, &solved).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            signs_in(&site, "ann").await;
        },
    )
    .await;
}
