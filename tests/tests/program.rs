//! The program: how it starts, what it refuses, and its commands for users.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use phone_auth_tests::{Ran, Site, User, run};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// A start that must be refused with a sentence that has all these words.
fn check_refused(folder: &Path, arguments: &[&str], variables: &[(&str, &str)], words: &[&str]) {
    let ran = run(folder, arguments, variables, "");
    assert!(
        !ran.success,
        "{arguments:?} {variables:?} starts: {}",
        ran.said()
    );
    for word in words {
        assert!(
            ran.said().contains(word),
            "{arguments:?} {variables:?} does not say {word:?}: {}",
            ran.said()
        );
    }
    assert!(!ran.said().contains("panicked"), "{}", ran.said());
}

#[test]
fn wrong_settings_are_named() {
    let folder = folder();
    for (name, value) in [
        ("REGISTER_EMAIL_REQUIRED", "perhaps"),
        ("AUTHENTICATION_METHODS", " "),
        ("AUTHENTICATION_METHODS", "fax"),
        ("AUTHENTICATION_METHODS", "phone,fax"),
        ("LOGIN_REDIRECT_URL", "https://evil.example/"),
        ("LOGOUT_REDIRECT_URL", "//evil.example"),
        ("ADDR", "nowhere"),
        ("DATABASE", "postgres://x"),
        ("SITE_URL", "example.org"),
        ("SITE_URL", "https://example.org/path"),
        ("SESSION_LIFETIME", "soon"),
        ("RESET_PHONE_LIFETIME", "1000000 weeks"),
        ("SECRET_KEY_FILE", "/nowhere/key"),
        ("CONFIG", "/nowhere/phone-auth.toml"),
    ] {
        let variable = format!("PHONE_AUTH_{name}");
        let variables = [
            ("PHONE_AUTH_ADDR", "127.0.0.1:0"),
            (variable.as_str(), value),
        ];
        let ran = run(folder.path(), &["serve"], &variables, "");
        assert!(!ran.success, "{name}={value:?} starts");
        let said = ran.said().to_lowercase();
        let named = said.contains(&name.to_lowercase())
            || (name.ends_with("KEY_FILE") && said.contains("key"));
        assert!(named, "{name}={value:?} is not named: {said}");
        assert!(
            said.len() > name.len() + 20,
            "it does not say what would be right: {said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn wrong_files_are_named() {
    let folder = folder();
    let path = folder.path().join("phone-auth.toml");
    for (text, word) in [
        (
            "register_email_required = 'perhaps'",
            "register_email_required",
        ),
        ("regster_email_required = true", "regster_email_required"),
        ("this is not toml", "phone-auth.toml"),
        ("authentication_methods = []", "authentication_methods"),
    ] {
        std::fs::write(&path, text).expect("it can be written");
        check_refused(
            folder.path(),
            &[
                "serve",
                "--addr",
                "127.0.0.1:0",
                "--config",
                "phone-auth.toml",
            ],
            &[],
            &[word],
        );
    }
}

#[test]
fn other_addresses_need_delivery() {
    let folder = folder();
    for addr in ["0.0.0.0:0", "[::]:0"] {
        check_refused(
            folder.path(),
            &["serve", "--addr", addr],
            &[],
            &["site_url"],
        );
        let site = ["serve", "--addr", addr, "--site-url", "https://example.org"];
        let signals = [
            "verify_email",
            "verify_phone",
            "reset_password_email",
            "reset_password_phone",
        ];
        check_refused(folder.path(), &site, &[], &signals);
    }
}

#[test]
fn unknown_arguments_are_refused() {
    let folder = folder();
    check_refused(
        folder.path(),
        &["serve", "--frobnicate"],
        &[],
        &["--frobnicate"],
    );
    check_refused(folder.path(), &["fly"], &[], &["fly"]);
}

#[tokio::test]
async fn key_is_made_and_kept() {
    let site = Site::start().await;
    let path = site.folder().join("site.sqlite3.key");
    let mode = std::fs::metadata(&path)
        .expect("the key lies beside the database")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read(&path).expect("it can be read");
    site.says("site.sqlite3.key").await;
    let again = site.restart(Site::options()).await;
    assert_eq!(std::fs::read(&path).expect("it can be read"), key);
    drop(again);
}

#[test]
fn weak_keys_are_refused() {
    let folder = folder();
    let path = folder.path().join("key");
    let published = "django-insecure-)$3j!&v9x@k2mz0w^r7q8t5y6u1i4o3p2a9s8d7f6g5h4j";
    for key in [
        "",
        "short",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "secret",
        "changeme",
        published,
        "\n\n\n",
    ] {
        std::fs::write(&path, key).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .expect("it is ours");
        check_refused(
            folder.path(),
            &["serve", "--addr", "127.0.0.1:0", "--secret-key-file", "key"],
            &[],
            &["key"],
        );
    }
}

#[tokio::test]
async fn loopback_start_says_what_it_uses() {
    let site = Site::start().await;
    for words in [
        site.origin(),
        "site.sqlite3",
        "development",
        "/dev/mailbox/",
    ] {
        site.says(words).await;
    }
}

#[tokio::test]
async fn migrations_run_twice() {
    let folder = folder();
    let database = format!("sqlite:{}", folder.path().join("site.sqlite3").display());
    for _ in 0..2 {
        let ran = run(
            folder.path(),
            &["migrate", "--database", &database],
            &[],
            "",
        );
        assert!(ran.success, "{}", ran.said());
    }
    let tables = [
        "auth_user",
        "phone_auth_emailaddress",
        "phone_auth_phonenumber",
    ];
    let connection =
        rusqlite::Connection::open(folder.path().join("site.sqlite3")).expect("it is there");
    for table in tables {
        let count = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get::<_, i64>(0)
        });
        assert_eq!(count, Ok(0), "{table}");
    }
}

/// Runs `phone-auth user …` on the database of a site.
fn user(site: &Site, arguments: &[&str], input: &str) -> Ran {
    let database = site.database_url();
    let all: Vec<&str> = ["user"]
        .into_iter()
        .chain(arguments.iter().copied())
        .chain(["--database", &database])
        .collect();
    run(site.folder(), &all, &[], input)
}

#[tokio::test]
async fn operator_makes_users() {
    let site = Site::start().await;
    let ann = User::new();
    let arguments = [
        "create",
        &ann.username,
        "--email",
        &ann.email,
        "--phone",
        &ann.phone,
    ];
    let ran = user(&site, &arguments, &format!("{}\n", ann.password));
    assert!(ran.success, "{}", ran.said());
    assert!(!ran.said().contains(&ann.password));
    for login in [&ann.username, &ann.email, &ann.phone] {
        site.client()
            .log_in(login, &ann.password)
            .await
            .redirects_to("/accounts/profile/");
    }
    let listed = user(&site, &["list"], "");
    assert!(
        listed.success && listed.stdout.contains(&ann.username),
        "{}",
        listed.said()
    );
    assert!(!listed.stdout.contains("argon2"), "{}", listed.stdout);
    for (arguments, input) in [
        (arguments.as_slice(), "plum-Orchard-7\n"),
        (&["create", "a b"], "plum-Orchard-7\n"),
        (&["create", "bob", "--email", "bob"], "plum-Orchard-7\n"),
        (&["create", "bob", "--phone", "1"], "plum-Orchard-7\n"),
        (&["create", "bob"], "123\n"),
        (&["create", "bob"], ""),
    ] {
        let ran = user(&site, arguments, input);
        assert!(
            !ran.success && !ran.said().contains("panicked"),
            "{arguments:?} {input:?}: {}",
            ran.said()
        );
    }
    assert_eq!(site.database().number("SELECT count(*) FROM auth_user"), 1);
}

#[tokio::test]
async fn operator_disables_users() {
    let site = Site::start().await;
    let ann = site.member().await;
    let ran = user(&site, &["disable", &ann.user.username], "");
    assert!(ran.success, "{}", ran.said());
    assert!(!ann.client.is_logged_in().await);
    site.client()
        .log_in(&ann.user.username, &ann.user.password)
        .await
        .expect(400)
        .says("password don’t match.");
    let listed = user(&site, &["list"], "");
    assert!(
        listed.stdout.contains(&ann.user.username),
        "{}",
        listed.said()
    );
    assert!(!user(&site, &["disable", "nobody"], "").success);
}

#[tokio::test]
async fn operator_sets_passwords() {
    let site = Site::start().await;
    let ann = site.member().await;
    let new = "walnut-Harbour-22";
    let ran = user(
        &site,
        &["set-password", &ann.user.username],
        &format!("{new}\n"),
    );
    assert!(ran.success && !ran.said().contains(new), "{}", ran.said());
    assert!(!ann.client.is_logged_in().await, "their sessions end");
    site.client()
        .log_in(&ann.user.username, &ann.user.password)
        .await
        .expect(400);
    site.client()
        .log_in(&ann.user.username, new)
        .await
        .expect(302);
    assert!(!user(&site, &["set-password", "nobody"], "walnut-Harbour-22\n").success);
    assert!(!user(&site, &["set-password", &ann.user.username], "1234\n").success);
}

#[tokio::test]
async fn taken_port_is_refused() {
    let site = Site::start().await;
    let folder = folder();
    check_refused(
        folder.path(),
        &["serve", "--addr", site.host()],
        &[],
        &["--addr"],
    );
}

#[tokio::test]
async fn templates_are_overridden_one_by_one() {
    let folder = folder();
    let own = folder.path().join("phone_auth");
    std::fs::create_dir(&own).expect("a folder can be made");
    std::fs::write(own.join("login.html"), "<h1>Come in</h1>").expect("it can be written");
    let site = Site::options()
        .setting("templates", &folder.path().display().to_string())
        .start()
        .await;
    let own = site.client().get("/accounts/login/").await.expect(200);
    assert_eq!(own.text(), "<h1>Come in</h1>");
    let ours = site.client().get("/accounts/signup/").await.expect(200);
    ours.page().form_with(&["first_name", "confirm_password"]);
}

#[tokio::test]
async fn mailbox_shows_newest_first() {
    let site = Site::start().await;
    let ann = site.member().await;
    site.verification_link(&ann.client, &ann.user.email).await;
    let second = site.reset_link(&ann.user.phone).await;
    let answer = site.mailbox_with(&second).await.expect(200);
    let words = answer.page().words();
    let (email, phone) = (words.find(&ann.user.email), words.find(&ann.user.phone));
    assert!(
        phone.is_some() && email.is_some() && phone < email,
        "{words}"
    );
    assert!(
        answer.text().contains(second.token()),
        "it has the link to click"
    );
    assert_eq!(
        answer
            .header("cache-control")
            .map(|it| it.contains("no-store")),
        Some(true)
    );
}

#[tokio::test]
async fn development_can_be_off() {
    let folder = folder();
    let ran = run(
        folder.path(),
        &["serve", "--addr", "127.0.0.1:0"],
        &[("PHONE_AUTH_DEVELOPMENT", "false")],
        "",
    );
    assert!(
        !ran.success,
        "nobody receives the signals then: {}",
        ran.said()
    );
}
