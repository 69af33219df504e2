//! What codes promise, at the pages of the whole program, on both databases.
#![expect(
    clippy::expect_used,
    clippy::string_slice,
    reason = "what is not there is a failed test"
)]

use phone_auth_tests::{Client, Kind, OwnDatabase, Printed, Site, SiteOptions, User, other_code};

const NEW: &str = "marble-Cottage-31";
const RESET: Pages = Pages {
    ask: "/accounts/password_reset/",
    done: "/accounts/password_reset_done/",
    signal: "reset_password_phone",
};
const LOG_IN: Pages = Pages {
    ask: "/accounts/login_code/",
    done: "/accounts/login_code_done/",
    signal: "login_phone",
};

/// The pages of a code by phone.
struct Pages {
    ask: &'static str,
    done: &'static str,
    signal: &'static str,
}

impl Pages {
    /// The message that a client asks for.
    async fn asked(&self, site: &Site, client: &Client, phone: &str) -> Printed {
        let before = site.count(self.signal, phone);
        let asked = client.submit(self.ask, [("login", phone)]).await;
        asked.redirects_to(self.done);
        site.nth_printed(self.signal, phone, before + 1).await
    }
}

/// A site on each database where one may sign in by code, and someone whose number is verified.
async fn sites(change: impl Fn(SiteOptions) -> SiteOptions) -> Vec<(OwnDatabase, Site, User)> {
    let mut all = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().setting("login_by_code", "true");
        let site = change(options).start().await;
        let ann = site.member().await;
        let link = site.verification_link(&ann.client, &ann.user.phone).await;
        let verified = ann.client.open(link.url()).await;
        verified.says("Verification successful");
        all.push((database, site, ann.user));
    }
    all
}

/// Digits as they are typed elsewhere.
fn wide(code: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) - 48 + 0xff10).unwrap_or(c);
    code.chars().map(wide).collect()
}

/// Used once, in whatever spelling (O2, O14, X3), by the browser that asked (O5), for what it was asked for (O10).
#[tokio::test]
async fn code_is_used_once_and_for_one_thing() {
    for (_, site, ann) in sites(|options| options).await {
        let (reset, log_in) = (site.client(), site.client());
        let of_reset = RESET
            .asked(&site, &reset, &ann.phone)
            .await
            .code()
            .to_owned();
        let of_log_in = LOG_IN
            .asked(&site, &log_in, &ann.phone)
            .await
            .code()
            .to_owned();
        // Each at the page of the other, and in the browser of the other.
        for (client, done, code) in [
            (&reset, LOG_IN.done, &of_reset),
            (&log_in, RESET.done, &of_log_in),
            (&reset, RESET.done, &of_log_in),
            (&log_in, LOG_IN.done, &of_reset),
        ] {
            client.post(done, [("code", code)]).await.expect(400);
        }
        let done = log_in
            .submit(LOG_IN.done, [("code", wide(&of_log_in))])
            .await;
        done.redirects_to("/accounts/profile/");
        log_in.log_out().await;
        log_in
            .post(LOG_IN.done, [("code", &of_log_in)])
            .await
            .expect(400);
        let spaced = format!("{}-{}", &of_reset[..3], &of_reset[3..]);
        let proven = reset
            .submit(RESET.done, [("code", spaced)])
            .await
            .expect(302);
        let fields = [("new_password1", NEW), ("new_password2", NEW)];
        reset.submit(proven.location(), fields).await.expect(302);
        reset
            .post(RESET.done, [("code", &of_reset)])
            .await
            .expect(400);
    }
}

/// Five attempts and then none, and none after ten minutes; the same words for a number that nobody has (O4, O7, O13, X2).
#[tokio::test]
async fn attempts_and_time_run_out() {
    for (database, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            let (known, unknown) = (site.client(), site.client());
            let code = pages
                .asked(&site, &known, &ann.phone)
                .await
                .code()
                .to_owned();
            let nobodys = User::another_phone();
            let asked = unknown.submit(pages.ask, [("login", &nobodys)]).await;
            asked.redirects_to(pages.done);
            for (by, words) in [
                (1, "You can try 4 more times."),
                (2, "You can try 3 more times."),
                (3, "You can try 2 more times."),
                (4, "You can try once more."),
                (5, "Get a new one."),
                (0, "Get a new one."),
            ] {
                let typed = other_code(&code, by);
                for client in [&known, &unknown] {
                    let told = client.post(pages.done, [("code", &typed)]).await;
                    told.expect(400).says(words);
                }
            }
            let late = site.client();
            let code = pages
                .asked(&site, &late, &ann.phone)
                .await
                .code()
                .to_owned();
            let over = match database.kind() {
                Kind::Sqlite => "expires_at - 600000000",
                Kind::Postgres => "expires_at - interval '10 minutes'",
            };
            database.execute(&format!(
                "UPDATE phone_auth_challenge SET expires_at = {over}"
            ));
            let told = late.post(pages.done, [("code", &code)]).await;
            told.expect(400).says("Get a new one.");
        }
    }
}

/// Another code in the first half of its life is the same, and no attempts come back (O8), by a call as well.
#[tokio::test]
async fn another_code_gives_no_attempts_back() {
    for (_, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            let client = site.client();
            let code = pages
                .asked(&site, &client, &ann.phone)
                .await
                .code()
                .to_owned();
            for (left, words) in [
                (4, "4 more times"),
                (3, "3 more times"),
                (2, "2 more times"),
            ] {
                let wrong = other_code(&code, left);
                let told = client.submit(pages.done, [("code", &wrong)]).await;
                told.expect(400).says(words);
                let before = site.count(pages.signal, &ann.phone);
                let again = client.submit(pages.done, [("resend", "1")]).await;
                again.redirects_to(pages.done);
                let newer = site.nth_printed(pages.signal, &ann.phone, before + 1).await;
                assert_eq!(newer.code(), code);
            }
            let done = client.submit(pages.done, [("code", &code)]).await;
            done.expect(302);
        }
    }
}

/// Who signed up with the number of another has nothing of it once the owner has typed a code (X1).
#[tokio::test]
async fn first_code_ends_what_was_before() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let thief = site.member().await;
        let owner = site.client();
        let message = RESET.asked(&site, &owner, &thief.user.phone).await;
        let proven = owner.submit(RESET.done, [("code", message.code())]).await;
        let proven = proven.expect(302);
        let fields = [("new_password1", NEW), ("new_password2", NEW)];
        owner.submit(proven.location(), fields).await.expect(302);
        assert!(!thief.client.is_logged_in().await, "{kind:?}");
        let again = site.client();
        let old = again
            .post_log_in(&thief.user.phone, &thief.user.password)
            .await;
        old.expect(400);
        owner.log_in(&thief.user.phone, NEW).await.expect(302);
    }
}

/// A code that one user asked for is nothing in the next one's session, in the same browser (X5).
#[tokio::test]
async fn code_of_one_is_nothing_for_the_next() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let (ann, bob) = (site.member().await, site.signed_up().await);
        let asked = ann
            .client
            .ask_verification(&ann.user.phone)
            .await
            .expect(200);
        let printed = site.nth_printed("verify_phone", &ann.user.phone, 1).await;
        let form = asked.page().form_with(&["code"]);
        let filled = form.filled(&[("code".to_owned(), printed.code().to_owned())]);
        ann.client.log_out().await;
        ann.client
            .log_in(&bob.username, &bob.password)
            .await
            .expect(302);
        let path = "/accounts/user_verification/";
        let refused = ann.client.send_form(path, &filled).await;
        assert!(
            [400, 409].contains(&refused.status),
            "{kind:?} {}",
            refused.status
        );
        assert_eq!(ann.client.unverified().await.len(), 2, "{kind:?}");
        let again = site.log_in(&ann.user).await;
        assert_eq!(again.client.unverified().await.len(), 2, "{kind:?}");
    }
}

/// A link whose button is pressed twice begins one session; pressed elsewhere, or after a log-out, none.
#[tokio::test]
async fn link_pressed_twice_begins_one_session() {
    for (database, site, ann) in sites(|options| options).await {
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        let message = LOG_IN.asked(&site, &site.client(), &ann.phone).await;
        let (client, elsewhere) = (site.client(), site.client());
        let page = client.get(message.url()).await.expect(200);
        let form = page.page().form_with(&["form_token"]);
        let second = client.thief();
        let clicks = [
            client.send_form(message.url(), &form),
            second.send_form(message.url(), &form),
        ];
        let [one, other] = clicks;
        let (one, other) = tokio::join!(one, other);
        for click in [one, other] {
            click.redirects_to("/accounts/profile/");
        }
        let keys =
            [&client, &second].map(|it| it.session_cookie().expect("a session").value.clone());
        assert_eq!(keys[0], keys[1]);
        assert_eq!(sessions(), before + 1);
        elsewhere
            .post(message.url(), [("", ""); 0])
            .await
            .expect(400);
        client.log_out().await;
        second.send_form(message.url(), &form).await.expect(400);
        assert_eq!(sessions(), before);
    }
}
