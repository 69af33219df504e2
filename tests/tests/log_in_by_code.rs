//! Signing in by code in the whole program: in two browsers, guessed at by many, and in no copy of the database.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what is not there is a failed test"
)]

use std::net::Ipv4Addr;

use phone_auth_tests::{
    Client, Kind, OwnDatabase, Printed, Site, SiteOptions, User, holds_code, other_code, together,
};

const ASK: &str = "/accounts/login_code/";
const DONE: &str = "/accounts/login_code_done/";

fn by_code(options: SiteOptions) -> SiteOptions {
    options.setting("login_by_code", "true")
}

/// Someone who has verified all of their addresses.
async fn verified(site: &Site) -> User {
    let ann = site.member().await;
    for value in [&ann.user.email, &ann.user.phone] {
        let link = site.verification_link(&ann.client, value).await;
        ann.client
            .open(link.url())
            .await
            .says("Verification successful");
    }
    ann.user
}

/// A message that a client has asked for.
async fn asked(site: &Site, client: &Client, value: &str) -> Printed {
    let signal = if value.contains('@') {
        "login_email"
    } else {
        "login_phone"
    };
    let before = site.count(signal, value);
    let asked = client.submit(ASK, [("login", value)]).await;
    asked.leads_to_code(DONE);
    site.nth_printed(signal, value, before + 1).await
}

#[tokio::test]
async fn two_browsers_sign_in() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site()).start().await;
        let ann = verified(&site).await;
        let before = database.last_login(&ann.username);
        for value in [&ann.email, &ann.phone] {
            let client = site.client();
            let message = asked(&site, &client, value).await;
            let code = message.code().to_owned();
            // Elsewhere, and wrong.
            let elsewhere = site.client().post(DONE, [("code", &code)]).await;
            elsewhere.expect(400);
            let wrong = client.submit(DONE, [("code", &other_code(&code, 1))]).await;
            wrong
                .expect(400)
                .says("You can try 4 more times, or get a new code.");
            let done = client.submit(DONE, [("code", &code)]).await;
            done.redirects_to("/accounts/profile/");
            assert!(client.is_logged_in().await, "{kind:?} {value}");
            site.client().get(message.url()).await.expect(400);
        }
        assert!(database.last_login(&ann.username) > before, "{kind:?}");

        // The link opens elsewhere, and its code signs in there, once.
        let asks = site.client();
        let message = asked(&site, &asks, &ann.email).await;
        let phone = site.client();
        let page = phone.get(message.url()).await.expect(200);
        page.says(&ann.username);
        assert!(!phone.is_logged_in().await);
        let signed_in = phone.submit(message.url(), [("code", message.code())]);
        let signed_in = signed_in.await;
        signed_in.redirects_to("/accounts/profile/");
        assert!(phone.is_logged_in().await);
        site.client().get(message.url()).await.expect(400);
        asks.post(DONE, [("code", message.code())])
            .await
            .expect(400);
        assert!(!asks.is_logged_in().await);
    }
}

/// Two hundred connections guess at once at one challenge: five are compared, and the owner gets in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_to_sign_in_are_few() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site().limited()).start().await;
        let ann = verified(&site).await;
        let thief = site.client().at(Ipv4Addr::new(127, 0, 77, 1));
        let code = asked(&site, &thief, &ann.email).await.code().to_owned();
        let guesses = (1..=200).map(|by| {
            let (thief, guess) = (thief.thief(), other_code(&code, by));
            tokio::spawn(async move { thief.submit(DONE, [("code", &guess)]).await })
        });
        let mut compared = 0;
        for guess in guesses.collect::<Vec<_>>() {
            let answer = guess.await.unwrap();
            assert!([400, 429].contains(&answer.status), "{}", answer.status);
            compared += usize::from(answer.text().contains("That code isn’t right"));
        }
        // The last one that is compared is told that the code is over.
        assert!((1..=4).contains(&compared), "{kind:?}: {compared}");
        thief.post(DONE, [("code", &code)]).await.expect(400);
        assert!(!thief.is_logged_in().await);
        let owner = site.client();
        let code = asked(&site, &owner, &ann.phone).await.code().to_owned();
        let done = owner.submit(DONE, [("code", &code)]).await;
        done.redirects_to("/accounts/profile/");
    }
}

/// A right code that one browser sends five times at once begins one session, and a link whose code twenty type at once signs one
/// of them in. After a log-out neither opens anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_ones_at_once_begin_one_session() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site()).start().await;
        let ann = verified(&site).await;
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        let client = site.client();
        let message = asked(&site, &client, &ann.email).await;
        let code = message.code().to_owned();
        let clicks = together((0..5).map(|_| {
            let (click, code) = (client.thief(), code.clone());
            async move {
                click
                    .post(DONE, [("code", &code)])
                    .await
                    .redirects_to("/accounts/profile/");
                click.session_cookie().expect("a session").value.clone()
            }
        }));
        let mut keys = clicks.await;
        keys.dedup();
        assert_eq!((keys.len(), sessions()), (1, before + 1), "{kind:?}");
        site.client()
            .post(DONE, [("code", &code)])
            .await
            .expect(400);
        let copy = client.thief();
        client.post(DONE, [("code", &code)]).await.expect(302);
        client.log_out().await;
        copy.post(DONE, [("code", &code)]).await.expect(400);
        assert!(!copy.is_logged_in().await, "{kind:?}");

        let message = asked(&site, &site.client(), &ann.phone).await;
        let answers = together((0..20).map(|_| {
            let (client, url) = (site.client(), message.url().to_owned());
            let code = message.code().to_owned();
            async move { client.post(&url, [("code", code)]).await.status }
        }));
        let won = answers.await.iter().filter(|it| **it == 302).count();
        assert_eq!((won, sessions()), (1, before + 1), "{kind:?}");
    }
}

/// What a copy of the database holds while a code is pending: none, no digest of one, and nothing that opens a challenge or a
/// session.
#[tokio::test]
async fn no_code_to_sign_in_is_stored() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site()).start().await;
        let ann = verified(&site).await;
        let client = site.client();
        let message = asked(&site, &client, &ann.email).await;
        let code = message.code().to_owned();
        let token = message.url().rsplit('/').nth(1).unwrap().to_owned();
        let cookies = client.cookies();
        let key = cookies
            .iter()
            .find(|cookie| cookie.name == "phone_auth_challenge_login");
        let key = key.expect("the browser has the key").value.clone();
        let pending = "SELECT count(*) FROM phone_auth_challenge WHERE purpose = 'log_in'";
        assert_eq!(database.number(pending), 1);
        let dump = database.dump();
        assert!(dump.contains("INSERT INTO"), "{dump}");
        assert!(!dump.contains(key.split('.').next().unwrap()) && !dump.contains(&token));
        assert!(!holds_code(&dump, &code), "{kind:?} {code}: {dump}");
        let done = client.submit(DONE, [("code", &code)]).await;
        done.redirects_to("/accounts/profile/");
        // The key of that session is in no copy either.
        let session = client.session_cookie().expect("a session").value.clone();
        assert!(!database.dump().contains(&session), "{kind:?}");
    }
}

/// A site for phone numbers and codes alone.
fn without_passwords(options: SiteOptions) -> SiteOptions {
    by_code(options)
        .setting("authentication_methods", "phone")
        .setting("sign_up_by_code", "true")
}

/// A name and a number, and the code on the next page: two forms, and no other request.
#[tokio::test]
async fn name_number_and_code_sign_up() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = without_passwords(database.site()).start().await;
        let (ann, stranger) = (User::new(), site.client());
        // Someone else was faster, and has nothing of it.
        sign_up(&site, &stranger, "Stranger", &ann.phone).await;
        let client = site.client();
        let message = sign_up(&site, &client, "Ann", &ann.phone).await;
        let code = message.code().to_owned();
        stranger
            .submit(DONE, [("code", &other_code(&code, 1))])
            .await
            .expect(400);
        let done = client.submit(DONE, [("code", &code)]).await;
        done.redirects_to("/accounts/profile/");
        assert!(client.is_logged_in().await, "{kind:?}");
        client.get("/members/phone/").await.expect(200);
        stranger.submit(DONE, [("code", &code)]).await.expect(400);
        assert!(!stranger.is_logged_in().await);

        // The same form signs in from now on, and the log-in page too.
        let before = site.count("login_phone", &ann.phone);
        let elsewhere = site.client();
        let asked = elsewhere
            .submit("/accounts/login/", [("login", &ann.phone)])
            .await;
        asked.leads_to_code(DONE);
        let message = site
            .nth_printed("login_phone", &ann.phone, before + 1)
            .await;
        let done = elsewhere.submit(DONE, [("code", message.code())]).await;
        done.redirects_to("/accounts/profile/");
        let again = site.client();
        let message = sign_up(&site, &again, "Ann", &ann.phone).await;
        let signed_in = again.submit(message.url(), [("", ""); 0]).await;
        signed_in.redirects_to("/accounts/profile/");
    }
}

/// Someone sends the sign-up form; the message that the owner of the number gets.
async fn sign_up(site: &Site, client: &Client, name: &str, phone: &str) -> Printed {
    let before = site.count("login_phone", phone);
    let form = [
        ("first_name", name),
        ("last_name", "Example"),
        ("phone", phone),
    ];
    let asked = client.submit("/accounts/signup/", form).await;
    asked.leads_to_code(DONE);
    site.nth_printed("login_phone", phone, before + 1).await
}

/// Two messages go to who is named by a username. Who signs in by one of them, by its link or its code, has ended the other.
#[tokio::test]
async fn used_message_ends_the_other() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site()).start().await;
        let ann = verified(&site).await;
        for (nth, by_link, by_email) in [
            (1, false, false),
            (2, false, true),
            (3, true, false),
            (4, true, true),
        ] {
            let client = site.client();
            let asked = client.submit(ASK, [("login", &ann.username)]).await;
            asked.leads_to_code(DONE);
            let email = site.nth_printed("login_email", &ann.email, nth).await;
            let phone = site.nth_printed("login_phone", &ann.phone, nth).await;
            let [used, other] = if by_email {
                [&email, &phone]
            } else {
                [&phone, &email]
            };
            let done = if by_link {
                client.submit(used.url(), [("", ""); 0]).await
            } else {
                client.submit(DONE, [("code", used.code())]).await
            };
            done.redirects_to("/accounts/profile/");
            for message in [used, other] {
                let elsewhere = site.client();
                elsewhere.get(message.url()).await.expect(400);
                let form = [("code", message.code())];
                elsewhere.post(message.url(), form).await.expect(400);
                assert!(
                    !elsewhere.is_logged_in().await,
                    "{kind:?} {by_link} {by_email}"
                );
            }
        }
    }
}

/// What a program types that fills each field.
const RUBBISH: [&str; 4] = ["", "test", "12345", "scanner@example.org"];

/// A scanner that opens a link to sign in, presses every button of its page and sends each form, with whatever is no code in its
/// fields, uses up neither the link nor the code (O6): the one who asked signs in by the button, and elsewhere by link and code.
#[tokio::test]
async fn scanner_that_presses_buttons_uses_no_log_in_up() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site()).start().await;
        let ann = verified(&site).await;
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let attempts = || {
            database.number("SELECT coalesce(sum(5 - attempts_left), 0) FROM phone_auth_challenge")
        };
        for (value, by_button) in [
            (&ann.email, true),
            (&ann.email, false),
            (&ann.phone, true),
            (&ann.phone, false),
        ] {
            let asks = site.client();
            let message = asked(&site, &asks, value).await;
            let (before, left) = (sessions(), attempts());
            let scanner = site.client();
            for _ in 0..2 {
                let page = scanner.get(message.url()).await.expect(200).page();
                let forms = page.forms();
                assert!(!forms.is_empty());
                for (form, typed) in forms.iter().flat_map(|it| RUBBISH.map(|typed| (it, typed))) {
                    let fields = form.visible_names().into_iter();
                    let fields: Vec<_> = fields
                        .map(|name| (name.to_owned(), typed.to_owned()))
                        .collect();
                    let filled = form.clone().filled(&fields);
                    let sent = scanner.send_form(message.url(), &filled).await;
                    sent.expect(400).says("Type the six digits of the code.");
                }
                let bare = scanner.post(message.url(), [("", ""); 0]).await;
                bare.expect(400).says("Type the six digits of the code.");
            }
            assert!(!scanner.is_logged_in().await, "{kind:?} {value}");
            assert_eq!((sessions(), attempts()), (before, left), "{kind:?} {value}");

            let enters = if by_button {
                asks.submit(message.url(), [("", ""); 0])
                    .await
                    .redirects_to("/accounts/profile/");
                asks
            } else {
                let elsewhere = site.client();
                elsewhere
                    .submit(message.url(), [("code", message.code())])
                    .await
                    .redirects_to("/accounts/profile/");
                elsewhere
            };
            assert!(enters.is_logged_in().await, "{kind:?} {value}");
            assert_eq!(sessions(), before + 1);
            // Both are over.
            for (path, fields) in [
                (message.url(), vec![("code", message.code())]),
                (message.url(), Vec::new()),
                (DONE, vec![("code", message.code())]),
            ] {
                scanner.post(path, fields).await.expect(400);
            }
        }
    }
}

/// Wrong codes at a link: five are compared of two hundred at once, and the link is as good as before to who asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_a_link_are_few() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = by_code(database.site()).start().await;
        let ann = verified(&site).await;
        let asks = site.client();
        let message = asked(&site, &asks, &ann.email).await;
        let guesses = together((1..=200).map(|by| {
            let (thief, url) = (site.client(), message.url().to_owned());
            let guess = other_code(message.code(), by);
            async move { thief.post(&url, [("code", guess)]).await }
        }));
        let mut compared = 0;
        for answer in guesses.await {
            let text = answer.expect(400).text().to_owned();
            compared += usize::from(text.contains("That code isn’t right"));
        }
        assert_eq!(compared, 4, "{kind:?}: and one that is the last");
        let thief = site.client();
        let late = thief.post(message.url(), [("code", message.code())]).await;
        late.expect(400).says("Get a new one.");
        asks.submit(message.url(), [("", ""); 0])
            .await
            .redirects_to("/accounts/profile/");
    }
}
