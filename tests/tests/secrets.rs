//! What is printed and logged holds no password, token, key or session; and what is kept of who is gone says nothing of them.
#![expect(clippy::panic, reason = "it is how a test fails")]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{Kind, OwnDatabase, Site, User};
use sha2::{Digest, Sha256};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one walk past every secret")]
async fn logs_hold_no_secret() {
    let site = Site::options().trace().start().await;
    let mut secrets: Vec<(&str, String)> = Vec::new();
    let ann = site.member().await;
    let mallory = User::new();
    let second = "walnut-Harbour-22-second".to_owned();
    let third = "copper-Lantern-33-third".to_owned();
    let wrong = "wrong-Guess-44-fourth".to_owned();

    let email = site.verification_link(&ann.client, &ann.user.email).await;
    let phone = site.verification_link(&ann.client, &ann.user.phone).await;
    site.client().get(email.url()).await.expect(200);
    site.client()
        .get(&format!("{}x/", phone.url().trim_end_matches('/')))
        .await
        .expect(400);
    site.client().get(phone.url()).await.expect(200);
    ann.client
        .change_password(&ann.user.password, &wrong)
        .await
        .expect(302);
    ann.client
        .change_password(&wrong, &second)
        .await
        .expect(302);
    ann.client
        .change_password(&ann.user.password, &third)
        .await
        .expect(400);
    site.client()
        .log_in(&ann.user.username, &ann.user.password)
        .await
        .expect(400);
    site.client().log_in("nobody", &wrong).await.expect(400);
    let reset = site.reset_link(&ann.user.email).await;
    let resetter = site.client();
    let form = resetter.open_reset_link(reset.url()).await;
    resetter
        .submit(
            &form,
            [("new_password1", wrong.as_str()), ("new_password2", &third)],
        )
        .await
        .expect(400);
    let used = resetter.cookies();
    resetter.reset(reset.url(), &third).await.expect(302);
    resetter.get(reset.url()).await;
    let again = site
        .log_in(&User {
            password: third.clone(),
            ..ann.user.clone()
        })
        .await;
    site.client()
        .post("/accounts/signup/", mallory.fields().into_iter().skip(2))
        .await
        .expect(400);
    site.client()
        .request("GET", "/accounts/profile/")
        .header("cookie", format!("sessionid={}", "s3cr3t".repeat(6)))
        .send()
        .await;

    for client in [&ann.client, &again.client] {
        for cookie in client.cookies() {
            secrets.push(("a cookie", cookie.value));
        }
    }
    for cookie in used {
        secrets.push(("a cookie", cookie.value));
    }
    again.client.log_out().await.expect(302);
    for line in [&email, &phone, &reset] {
        secrets.push(("a token", line.token().to_owned()));
    }
    for password in [
        &ann.user.password,
        &second,
        &third,
        &wrong,
        &mallory.password,
    ] {
        secrets.push(("a password", password.clone()));
    }
    secrets.push(("a foreign cookie", "s3cr3t".repeat(6)));
    let key = std::fs::read_to_string(site.folder().join("site.sqlite3.key"))
        .expect("the key lies beside the database");
    secrets.push(("the key", key.trim().to_owned()));
    let hashes = "SELECT group_concat(password, ' ') FROM auth_user";
    for hash in site.database().text(hashes).split(' ') {
        let tail = hash.rsplit('$').next().unwrap_or_default();
        secrets.push(("a hash", tail.to_owned()));
    }

    let ended = site.stop();
    let said = ended.record.rest();
    assert!(!ended.record.stderr.is_empty(), "it logs at all: {said}");
    for (what, secret) in secrets {
        assert!(
            secret.len() >= 8,
            "{what} is long enough to look for: {secret:?}"
        );
        if let Some(line) = said.lines().find(|line| line.contains(&secret)) {
            panic!("{what} ({secret}) is logged: {line}");
        }
    }
}

#[tokio::test]
async fn typed_text_cannot_forge_log_lines() {
    let site = Site::options().trace().start().await;
    let text = "ann\r\nFORGED line \u{1b}[31mred\u{1b}[0m \u{9b}1m";
    for path in ["/accounts/login/", "/accounts/password_reset/"] {
        site.client()
            .post(path, [("login", text), ("password", text)])
            .await;
    }
    site.client()
        .post(
            "/accounts/signup/",
            User {
                username: text.into(),
                first_name: text.into(),
                ..User::new()
            }
            .fields(),
        )
        .await;
    site.client().get("/nowhere/%0d%0aFORGED%1b[31m/").await;
    site.client()
        .request("GET", "/")
        .header("user-agent", "x\tFORGED \u{9b}31m")
        .send()
        .await;
    let record = site.stop().record;
    let lines: Vec<&String> = record.stdout.iter().chain(&record.stderr).collect();
    for line in lines {
        assert!(!line.starts_with("FORGED"), "{line:?}");
        assert!(
            !line.contains("\u{1b}[31mred") && !line.contains('\u{9b}'),
            "{line:?}"
        );
    }
}

#[tokio::test]
async fn pages_hold_no_password() {
    let site = Site::start().await;
    let ann = site.member().await;
    let password = ann.user.password.as_str();
    let pages = [
        site.client()
            .post(
                "/accounts/login/",
                [("login", "nobody"), ("password", password)],
            )
            .await,
        ann.client
            .post(
                "/accounts/change_password/",
                [
                    ("old_password", "x"),
                    ("new_password1", password),
                    ("new_password2", password),
                ],
            )
            .await,
        ann.client
            .post(
                "/accounts/change_password/",
                [
                    ("old_password", password),
                    ("new_password1", password),
                    ("new_password2", "x"),
                ],
            )
            .await,
        ann.client.get("/accounts/profile/").await,
        ann.client.get(&site.mailbox().await).await,
    ];
    for page in pages {
        assert!(!page.text().contains(password), "{}", page.asked);
    }
}

#[tokio::test]
async fn first_start_prints_no_key() {
    let site = Site::start().await;
    let key =
        std::fs::read_to_string(site.folder().join("site.sqlite3.key")).expect("it makes a key");
    assert!(key.trim().len() >= 32, "{}", key.len());
    let record = site.stop().record;
    assert!(
        !record.stdout.join("\n").contains(key.trim())
            && !record.stderr.join("\n").contains(key.trim())
    );
}

/// What identifies someone, in small letters: as it is, in hexadecimal digits as bytes are shown, and as the beginning of a digest that
/// anyone can make.
fn traces_of(texts: &[&str]) -> Vec<String> {
    let hex = |bytes: &[u8]| {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().concat()
    };
    let of_one = |text: &&str| {
        let digest = Sha256::digest(text.as_bytes());
        let start = digest.first_chunk::<8>().map(|it| hex(it));
        [Some(text.to_lowercase()), Some(hex(text.as_bytes())), start]
    };
    texts.iter().flat_map(of_one).flatten().collect()
}

/// Nobody who reads the database can tell who had an account: by no name, address or number, nor by trying digests of them.
#[tokio::test]
async fn closed_account_leaves_no_trace() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().setting("login_by_code", "true");
        let site = options.start().await;
        let user = User {
            first_name: "Annegret".to_owned(),
            last_name: "Lindenblatt".to_owned(),
            ..User::new()
        };
        site.client().sign_up(&user).await.expect(302);
        let ann = site.log_in(&user).await.client;
        ann.confirm_identity(&user.password).await.expect(302);
        for value in [&user.email, &user.phone] {
            site.verify(&ann, value).await;
        }
        // An address of hers that is not proven, and one that another has.
        let bob = site.member().await;
        let (added, claimed) = (User::another_email(), &bob.user.email);
        for value in [&added, claimed] {
            ann.add_address(value).await.expect(302);
            ann.ask_verification(value).await.expect(200);
        }
        bob.client.add_address(&added).await.expect(302);
        // What strangers did to her: codes, resets, wrong passwords.
        for login in [&user.email, &user.phone, &user.username] {
            let stranger = site.client();
            let asked = [("login", login.as_str())];
            stranger.submit("/accounts/login_code/", asked).await;
            site.client().ask_reset(login).await;
            site.client().log_in(login, "wrong-Guess-44").await;
        }
        site.delivered().await;
        let now = database.time(0);
        database.execute(&format!(
            "INSERT INTO phone_auth_outbox (message_key, purpose, kind, person_id, binding, created_at, enqueued_at, expires_at,
                due_at, died_at, notice)
            SELECT 'dead', 'security_notice', 'email', id, '', {now}, {now}, {now}, {now}, {now}, '{{\"to\":\"{}\"}}'
            FROM auth_user WHERE username = '{}'",
            user.email, user.username
        ));
        let texts = [
            user.email.as_str(),
            &user.phone,
            user.phone.trim_start_matches('+'),
            &user.username,
            &user.first_name,
            &user.last_name,
        ];
        let before = database.dump().to_lowercase();
        for text in texts {
            assert!(before.contains(&text.to_lowercase()), "{kind:?} {text}");
        }
        let close = "/accounts/close_account/";
        let page = ann.get(close).await.expect(200).page();
        let closed = ann.send_form(close, &page.form_with(&["form_token"])).await;
        closed.redirects_to("/accounts/close_account_done/");
        site.delivered().await;
        let ended = site.stop();
        let dump = database.dump().to_lowercase();
        for trace in traces_of(&texts) {
            if let Some(line) = dump.lines().find(|line| line.contains(&trace)) {
                panic!("{kind:?}: {trace} is left in {line}");
            }
        }
        drop(ended);
    }
}
