//! A database that Django made, as our site finds it: odd users, and passwords of every kind.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;

use phone_auth_tests::{Database, Site, run};
use serde_json::Value;

/// Four users: two whose usernames and email addresses differ by case, a superuser, one disabled.
const DJANGO: &str = include_str!("../../crates/store-sqlite/tests/data/django_5_2.sql");

/// What Django stores for `S3cret-pass!9`, quickly made.
const SECRET: &str = "S3cret-pass!9";
const HASH: &str =
    "pbkdf2_sha256$1000$0123456789abcdefghijkl$y+3upc4pRuQ85pvLeXsMMz9pztFaS554MuGjfa9wfUw=";

/// The vectors of Django's formats, or those that the environment names.
fn vectors() -> Value {
    let path = std::env::var_os("PHONE_AUTH_VECTORS").map_or_else(
        || {
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("../crates/django/tests/data/django-vectors.json")
        },
        PathBuf::from,
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A site on Django's database, where everybody has the same password.
async fn site() -> Site {
    let site = Site::options().database_of(DJANGO).start().await;
    site.database()
        .execute(&format!("UPDATE auth_user SET password = '{HASH}'"));
    site
}

#[tokio::test]
async fn ambiguous_names_are_refused() {
    let site = site().await;
    let ambiguous = "More than one account has this name.";
    for (login, password) in [
        ("bob@example.org", SECRET),
        ("Bob@Example.org", SECRET),
        ("BOB@EXAMPLE.ORG", "wrong"),
        ("BOB", SECRET),
    ] {
        let client = site.client();
        client
            .log_in(login, password)
            .await
            .expect(400)
            .says(ambiguous);
        assert!(!client.is_logged_in().await);
    }
    for login in ["bob@example.org", "Bob@Example.org"] {
        let asked = site.client().ask_reset(login).await;
        asked.expect(400).says(ambiguous);
    }
    // What is exact, or another name, tells them apart.
    for (login, username) in [
        ("Bob", "Bob"),
        ("bob", "bob"),
        ("+919876543210", "Bob"),
        ("+91 98765 43211", "bob"),
        ("chef Ünal", "Chef Ünal"),
    ] {
        let client = site.client();
        client.log_in(login, SECRET).await.expect(302);
        let profile = client.get("/accounts/profile/").await.expect(200);
        profile.says(username);
        client.get("/accounts/user_verification/").await.expect(200);
    }
    let link = site.reset_link("+919876543211").await;
    assert_eq!(link.username(), "bob");
    assert!(site.record().printed().len() == 1, "{site:?}");
}

#[tokio::test]
async fn check_lists_what_is_odd() {
    let site = site().await;
    site.database()
        .execute("UPDATE phone_auth_phonenumber SET phone = '+1 415-555-2671' WHERE id = 2");
    let ran = run(
        site.folder(),
        &["check", "--database", &site.database_url()],
        &[],
        "",
    );
    assert!(!ran.success, "{ran:?}");
    for line in [
        "Bob@Example.org (user 1), bob@example.org (user 2): email addresses that differ only by case",
        "Bob (user 1), bob (user 2): usernames that differ only by case",
        "+1 415-555-2671 (user 2): a phone number that is not in the form",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    // It changes nothing, and anyone who mends what it lists hears no more of it.
    let database = site.database();
    database.execute("DELETE FROM phone_auth_emailaddress WHERE id = 2");
    database.execute("DELETE FROM phone_auth_phonenumber WHERE id = 2");
    database.execute("UPDATE auth_user SET username = 'robert' WHERE id = 2");
    let ran = run(
        site.folder(),
        &["check", "--database", &site.database_url()],
        &[],
        "",
    );
    assert!(ran.success, "{ran:?}");
}

/// With the number that the check names, hashes of Django's let in as before and a refusal costs one as great.
#[tokio::test]
async fn check_names_the_iterations() {
    let site = Site::options().database_of(DJANGO).start().await;
    let database = site.database();
    database.execute("DELETE FROM phone_auth_emailaddress WHERE id = 2");
    database.execute("UPDATE auth_user SET username = 'robert' WHERE id = 2");
    database.execute(&format!("UPDATE auth_user SET password = '{HASH}'"));
    let check = |iterations: &[(&str, &str)]| {
        let arguments = ["check", "--database", &site.database_url()];
        let ran = run(site.folder(), &arguments, iterations, "");
        assert!(ran.success, "{ran:?}");
        ran.stdout
    };
    let variable = "PHONE_AUTH_DJANGO_HASH_ITERATIONS";
    let advice = "django_hash_iterations = 1000 makes all refusals take the same";
    assert!(check(&[]).contains(advice));
    assert!(check(&[(variable, "999")]).contains(advice));
    assert!(!check(&[(variable, "1000")]).contains("note:"));

    let site = site
        .restart(Site::options().setting("django_hash_iterations", "1000"))
        .await;
    site.client().log_in("robert", "wrong").await.expect(400);
    site.client().log_in("nobody", SECRET).await.expect(400);
    site.client().log_in("robert", SECRET).await.expect(302);
    site.client().log_in("robert", SECRET).await.expect(302);
    let stored = site
        .database()
        .text("SELECT password FROM auth_user WHERE id = 2");
    assert!(stored.starts_with("argon2$argon2id$"), "{stored}");
}

/// Stores a user with this hash as Django would; the username.
fn store(database: &Database, number: usize, encoded: &str) -> String {
    let encoded = encoded.replace('\'', "''");
    database.execute(&format!(
        "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,
            is_staff, is_active, date_joined)
        VALUES ('{encoded}', 0, 'user{number}', '', '', '', 0, 1, '2024-01-02 03:04:05.678901')"
    ));
    format!("user{number}")
}

/// Every encoding of Django's lets its owner in and is replaced on the way; what must not match does
/// not, and stays.
#[tokio::test]
async fn hashes_of_django_are_upgraded() {
    let site = Site::options().database_of(DJANGO).start().await;
    let database = site.database();
    let vectors = vectors();
    let cases = vectors.get("password_hash").and_then(Value::as_array);
    for (number, case) in cases.unwrap().iter().enumerate() {
        let text = |name: &str| case.get(name).and_then(Value::as_str).unwrap();
        let (encoded, password) = (text("encoded"), text("password"));
        let username = store(&database, number, encoded);
        let stored = || {
            database.text(&format!(
                "SELECT password FROM auth_user WHERE username = '{username}'"
            ))
        };
        // There is a hash of the empty password, which the form does not take.
        let may_enter = case.get("must_accept").unwrap() == true && !password.is_empty();
        let wrong = site
            .client()
            .post_log_in(&username, "not-the-password")
            .await;
        wrong.expect(400).says("password don’t match.");
        let expected = if may_enter { 302 } else { 400 };
        let answer = site.client().post_log_in(&username, password).await;
        assert_eq!(answer.status, expected, "{}", text("id"));
        if may_enter && stored() == encoded {
            // Only without the white space around it, so the hash stays until it is typed like that.
            assert_ne!(password.trim(), password, "{}", text("id"));
            let exact = site.client().post_log_in(&username, password.trim()).await;
            assert_eq!(exact.status, 302, "{}", text("id"));
            assert_ne!(stored(), encoded, "{}", text("id"));
        } else if may_enter {
            let upgraded = stored();
            let is_ours = upgraded.starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$");
            assert!(
                is_ours && upgraded.len() <= 128,
                "{}: {upgraded}",
                text("id")
            );
            let again = site.client().post_log_in(&username, password).await;
            assert_eq!(again.status, 302, "{}", text("id"));
            assert_eq!(stored(), upgraded, "{}", text("id"));
        } else {
            assert_eq!(stored(), encoded, "{}", text("id"));
        }
    }
}

/// django-phone-auth strips at sign-up and log-in, and does not at change and reset. Anyone who types white space
/// that is not in the hash gets in, and the hash stays until they type it without.
#[tokio::test]
async fn stripped_passwords_let_in() {
    let site = site().await;
    let stored = || {
        site.database()
            .text("SELECT password FROM auth_user WHERE id = 1")
    };
    let padded = format!(" {SECRET}\u{a0}");
    for _ in 0..2 {
        site.client().log_in("Bob", &padded).await.expect(302);
        assert_eq!(stored(), HASH);
    }
    site.client().log_in("Bob", SECRET).await.expect(302);
    assert!(stored().starts_with("argon2$argon2id$"), "{}", stored());
    // From here on it is ours, and exact.
    site.client().log_in("Bob", &padded).await.expect(400);
}

#[tokio::test]
async fn md5_must_be_asked_for() {
    let md5 = "md5$salt$67a1e09bb1f83f5007dc119c14d663aa";
    let site = Site::options().database_of(DJANGO).start().await;
    let username = store(&site.database(), 1, md5);
    let refused = site.client().log_in(&username, "password").await;
    refused.expect(400).says("password don’t match.");
    let site = site
        .restart(Site::options().setting("danger_accept_md5_passwords", "true"))
        .await;
    site.client().log_in(&username, "wrong").await.expect(400);
    site.client()
        .log_in(&username, "password")
        .await
        .expect(302);
    let stored = site.database().text(&format!(
        "SELECT password FROM auth_user WHERE username = '{username}'"
    ));
    assert!(stored.starts_with("argon2$argon2id$"), "{stored}");
}

/// Each is a hash that Django stores or once stored, and that is not checked here.
#[tokio::test]
async fn check_names_who_cannot_sign_in() {
    let dead = [
        ("sha1", "sha1$salt$da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("md5", "md5$salt$d41d8cd98f00b204e9800998ecf8427e"),
        (
            "pbkdf2_sha256",
            "pbkdf2_sha256$3000001$salt$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g=",
        ),
        (
            "bcrypt_sha256",
            "bcrypt_sha256$$2b$15$abcdefghijklmnopqrstuuK3ZQ0zHpl2UXwqPqW6J3g3u1e6X2Wm6",
        ),
        (
            "argon2",
            "argon2$argon2id$v=19$m=19456,t=11,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        ),
        ("scrypt", "scrypt$salt$1048576$8$1$aGFzaA=="),
        (
            "a text of no known kind",
            "d41d8cd98f00b204e9800998ecf8427e",
        ),
        ("a text of no known kind", "plain text password"),
        ("crypt", "crypt$$abJnggxhB/yWI"),
    ];
    let site = Site::start().await;
    let database = site.database();
    let good = site.signed_up().await;
    let mut names = Vec::new();
    for (kind, hash) in dead {
        let user = site.signed_up().await;
        database.execute(&format!(
            "UPDATE auth_user SET password = '{hash}' WHERE username = '{}'",
            user.username
        ));
        names.push((kind, user.username, hash));
    }
    // Someone who has no password on purpose is not among them.
    let none = site.signed_up().await;
    database.execute(&format!(
        "UPDATE auth_user SET password = '!abc' WHERE username = '{}'",
        none.username
    ));
    let arguments = ["check", "--database", &site.database_url()];
    let ran = run(site.folder(), &arguments, &[], "");
    assert!(ran.success, "{ran:?}");
    let said = |kind: &str| {
        let mut notes = ran.stdout.lines();
        notes.find(|line| line.contains(&format!("no password can match what is stored ({kind})")))
    };
    for (kind, username, hash) in names {
        let about = said(kind);
        assert!(
            about.is_some_and(|line| line.contains(&username)),
            "{kind}: {ran:?}"
        );
        assert!(!ran.stdout.contains(hash), "{kind}");
    }
    for user in [good, none] {
        assert!(!ran.stdout.contains(&user.username), "{ran:?}");
    }
    let md5 = [("PHONE_AUTH_DANGER_ACCEPT_MD5_PASSWORDS", "true")];
    let ran = run(site.folder(), &arguments, &md5, "");
    assert!(!ran.stdout.contains("(md5)"), "{ran:?}");
}
