//! Who has no password confirms who they are by a code, on a site that signs nobody in by one: in the whole program, on both
//! databases.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what is not there is a failed test"
)]

use phone_auth_tests::{
    Client, Kind, OwnDatabase, Printed, Site, SiteOptions, User, other_code, together,
};

const PATH: &str = "/accounts/confirm_identity/";
const ADD: &str = "/accounts/email/add/";

/// A site that has turned codes off, in which Ann is still signed in, who has no password, in so many browsers.
async fn without_password(
    kind: Kind,
    options: impl Fn(SiteOptions) -> SiteOptions,
    browsers: usize,
) -> (OwnDatabase, Site, User, Vec<Client>) {
    let database = OwnDatabase::new(kind);
    let by_code = |is_on| {
        let options = options(database.site());
        options.setting("login_by_code", is_on)
    };
    let site = by_code("true").start().await;
    let ann = site.signed_up().await;
    database.execute(
        "UPDATE auth_user SET password = '!'; UPDATE phone_auth_emailaddress SET is_verified = true;
         UPDATE phone_auth_phonenumber SET is_verified = true; DELETE FROM phone_auth_session",
    );
    let mut clients = Vec::new();
    for _ in 0..browsers {
        let client = site.client();
        let before = site.count("login_email", &ann.email);
        let asked = client.submit("/accounts/login_code/", [("login", &ann.email)]);
        asked.await.leads_to_code("/accounts/login_code_done/");
        let sent = site
            .nth_printed("login_email", &ann.email, before + 1)
            .await;
        let done = client.submit("/accounts/login_code_done/", [("code", sent.code())]);
        done.await.expect(302);
        clients.push(client);
    }
    let cookies: Vec<_> = clients
        .iter()
        .map(|it| it.session_cookie().unwrap())
        .collect();
    let site = site.restart(by_code("false")).await;
    let clients = cookies.iter().map(|cookie| {
        let client = site.client();
        client.plant(&cookie.name, &cookie.value);
        client
    });
    let clients = clients.collect();
    (database, site, ann, clients)
}

/// Has a code sent to the email address, in this browser.
async fn asked(site: &Site, client: &Client, ann: &User) -> Printed {
    let before = site.count("login_email", &ann.email);
    let pk = "1";
    let fields = [("to", format!("email-{pk}")), ("next", ADD.to_owned())];
    let asked = client.post(PATH, fields).await.expect(302);
    let to = asked.location();
    assert_eq!(to, format!("{PATH}?next={ADD}&method=email&pk={pk}"));
    client.get(to).await.expect(200).says("We sent a code to");
    site.nth_printed("login_email", &ann.email, before + 1)
        .await
}

fn typed(code: &str) -> [(&'static str, String); 4] {
    [
        ("method", "email".to_owned()),
        ("pk", "1".to_owned()),
        ("next", ADD.to_owned()),
        ("code", code.to_owned()),
    ]
}

#[tokio::test]
async fn code_confirms_on_a_site_without_codes() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (database, site, ann, clients) = without_password(kind, |it| it, 2).await;
        let [here, thief] = &clients[..] else {
            unreachable!()
        };
        site.client().get("/accounts/login_code/").await.expect(404);
        let way = format!("{PATH}?next={ADD}");
        here.get(ADD).await.redirects_to(&way);
        here.get(&way).await.expect(200).says("Send a code");

        let message = asked(&site, here, &ann).await;
        assert_eq!(message.url(), PATH, "{kind:?}: it signs nobody in");
        let code = message.code().to_owned();
        let stranger = site.client().get(message.url()).await;
        assert!(
            stranger
                .expect(302)
                .location()
                .starts_with("/accounts/login/")
        );
        // In another session of the same user, which has not asked; at a log-in; and wrong.
        thief.post(PATH, typed(&code)).await.expect(400);
        let login = site.client();
        login
            .post("/accounts/login_code_done/", [("code", &code)])
            .await
            .expect(404);
        let wrong = here.post(PATH, typed(&other_code(&code, 1))).await;
        wrong.expect(400).says("You can try 4 more times");
        let dump = database.dump();
        assert!(!phone_auth_tests::holds_code(&dump, &code), "{kind:?}");

        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        here.post(PATH, typed(&code)).await.redirects_to(ADD);
        here.get(ADD).await.expect(200);
        assert_eq!(sessions(), before, "{kind:?}: the session goes on");
        thief.get(ADD).await.redirects_to(&way);
        let late = asked(&site, thief, &ann).await;
        assert_ne!(late.code(), code, "{kind:?}: it is used");
        thief.post(PATH, typed(&code)).await.expect(400);
    }
}

/// Twenty clicks at two processes are one: all are answered as the first, and the browser is left with its key (O3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_codes_at_once_are_one() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (database, site, ann, clients) = without_password(kind, |it| it, 1).await;
        let client = clients.first().unwrap();
        let options = database.site().setting("outbox_worker", "false");
        let other = options.setting("login_by_code", "false").start().await;
        let code = asked(&site, client, &ann).await.code().to_owned();
        let cookie = client.session_cookie().unwrap();
        let clicks = together((0..20).map(|number| {
            let click = if number % 2 == 0 {
                client.thief()
            } else {
                let click = other.client();
                click.plant(&cookie.name, &cookie.value);
                click
            };
            let form = typed(&code);
            async move {
                let answer = click.post(PATH, form).await;
                let key = click.session_cookie().expect("a session").value.clone();
                (answer.status, key)
            }
        }));
        let mut answers = clicks.await;
        answers.dedup();
        assert_eq!(answers.len(), 1, "{kind:?}: {answers:?}");
        assert_eq!(answers.first().unwrap().0, 302, "{kind:?}");
        assert_ne!(answers.first().unwrap().1, cookie.value, "{kind:?}");
        let sessions = database.number("SELECT count(*) FROM phone_auth_session");
        assert_eq!(sessions, 1, "{kind:?}");
    }
}

/// A hundred guesses at once at one code: five are compared at most (O4).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_few() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (_database, site, ann, clients) = without_password(kind, SiteOptions::limited, 1).await;
        let client = clients.first().unwrap();
        let code = asked(&site, client, &ann).await.code().to_owned();
        let guesses = together((1..=100).map(|by| {
            let (thief, guess) = (client.thief(), other_code(&code, by));
            async move { thief.post(PATH, typed(&guess)).await }
        }));
        let mut compared = 0;
        for answer in guesses.await {
            assert!([400, 429].contains(&answer.status), "{}", answer.status);
            compared += usize::from(answer.text().contains("That code isn’t right"));
        }
        assert!((1..=4).contains(&compared), "{kind:?}: {compared}");
        let late = client.post(PATH, typed(&code)).await;
        assert!([400, 429].contains(&late.status));
        assert_ne!(client.get(ADD).await.status, 200);
    }
}
