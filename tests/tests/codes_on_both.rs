//! What codes promise, at the pages of the whole program, on both databases.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "what is not there is a failed test"
)]

use std::collections::HashSet;
use std::net::Ipv4Addr;

use phone_auth_tests::{
    Answer, Client, Gateway, Kind, OwnDatabase, Printed, Site, SiteOptions, User, other_code,
    together, told,
};

const NEW: &str = "marble-Cottage-31";
const ORIGIN: &str = "https://accounts.example-site.org";
const RESET: Pages = Pages {
    ask: "/accounts/password_reset/",
    done: "/accounts/password_reset_done/",
    signal: "reset_password_phone",
    cookie: "phone_auth_challenge_reset",
};
/// The same by email, for someone who has not verified any address.
const BY_EMAIL: Pages = Pages {
    signal: "reset_password_email",
    ..RESET
};
const LOG_IN: Pages = Pages {
    ask: "/accounts/login_code/",
    done: "/accounts/login_code_done/",
    signal: "login_phone",
    cookie: "phone_auth_challenge_login",
};
/// The same by email.
const LOG_IN_BY_EMAIL: Pages = Pages {
    signal: "login_email",
    ..LOG_IN
};
/// The page where codes verify addresses.
const ADDRESSES: &str = "/accounts/user_verification/";

/// The pages of a code by phone.
#[derive(Clone, Copy)]
struct Pages {
    ask: &'static str,
    done: &'static str,
    signal: &'static str,
    /// The cookie with the keys of such codes.
    cookie: &'static str,
}

impl Pages {
    /// The message that a client asks for.
    async fn asked(&self, site: &Site, client: &Client, phone: &str) -> Printed {
        self.asked_as(site, client, phone, phone).await
    }

    /// The message to an address that a client asks for by this name.
    async fn asked_as(&self, site: &Site, client: &Client, login: &str, to: &str) -> Printed {
        let before = site.count(self.signal, to);
        let asked = client.submit(self.ask, [("login", login)]).await;
        asked.leads_to_code(self.done);
        site.nth_printed(self.signal, to, before + 1).await
    }

    /// The status of a code that a client types.
    async fn typed(&self, client: &Client, code: &str) -> u16 {
        client.post(self.done, [("code", code)]).await.status
    }
}

/// The code that verifies an address of someone who is signed in, and the form that takes it.
struct Verifies {
    method: String,
    pk: String,
    message: Printed,
}

impl Verifies {
    /// What a client is sent that asks for it.
    async fn asked(site: &Site, client: &Client, value: &str) -> Self {
        let rows = client.unverified().await;
        let row = rows.iter().find(|it| it.value == value);
        let row = row.unwrap_or_else(|| panic!("{value}: {rows:?}"));
        let signal = format!("verify_{}", row.method);
        let before = site.count(&signal, value);
        let form = [("method", &row.method), ("pk", &row.pk)];
        client.post(ADDRESSES, form).await.expect(302);
        Self {
            method: row.method.clone(),
            pk: row.pk.clone(),
            message: site.nth_printed(&signal, value, before + 1).await,
        }
    }

    fn code(&self) -> &str {
        self.message.code()
    }

    fn form<'a>(&'a self, code: &'a str) -> [(&'a str, &'a str); 3] {
        [("method", &self.method), ("pk", &self.pk), ("code", code)]
    }

    async fn typed(&self, client: &Client, code: &str) -> Answer {
        client.post(ADDRESSES, self.form(code)).await
    }

    /// The right code, in whatever spelling, verifies the address; and once more it is answered the same.
    async fn confirms(&self, client: &Client, code: &str) {
        let confirmed = format!("{ADDRESSES}?notice={}-confirmed", self.method);
        for _ in 0..2 {
            self.typed(client, code).await.redirects_to(&confirmed);
        }
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

/// The value of a cookie with keys.
fn keys_of(client: &Client, cookie: &str) -> String {
    let cookies = client.cookies();
    let found = cookies.into_iter().find(|it| it.name == cookie);
    found.expect("the browser has the keys").value
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
        // Each at the page of the other with its key, which is tried there as one of that page.
        for (client, from, to, code) in [
            (&reset, RESET, LOG_IN, &of_reset),
            (&log_in, LOG_IN, RESET, &of_log_in),
        ] {
            let browser = client.thief();
            browser.plant(to.cookie, &keys_of(client, from.cookie));
            for _ in 0..2 {
                assert_eq!(to.typed(&browser, code).await, 400, "{}", to.done);
            }
            // It has cost no attempt where it belongs.
            let wrong = other_code(code, 1);
            let told = client.post(from.done, [("code", &wrong)]).await;
            told.expect(400).says("4 more times");
        }
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

/// Five attempts and then none, and none after ten minutes; the same for a number that nobody has, in all that is told (O4, O7,
/// O13, X2).
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
            asked.leads_to_code(pages.done);
            let typed = [ann.phone.as_str(), nobodys.as_str()];
            let same = |[known, unknown]: [&Answer; 2]| {
                let [known, unknown] = [known, unknown].map(|it| told(it, &typed));
                assert_eq!(known, unknown, "{:?}", database.kind());
            };
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            for (by, words) in [
                (1, "You can try 4 more times, or get a new code."),
                (2, "You can try 3 more times, or get a new code."),
                (3, "You can try 2 more times, or get a new code."),
                (4, "You can try once more, or get a new code."),
                (5, "Get a new one."),
                (0, "Get a new one."),
            ] {
                let code = other_code(&code, by);
                let type_it = async |client: &Client| {
                    let told = client.post(pages.done, [("code", &code)]).await;
                    told.expect(400).says(words)
                };
                same([&type_it(&known).await, &type_it(&unknown).await]);
            }
            let again = async |client: &Client| client.submit(pages.done, [("resend", "1")]).await;
            same([&again(&known).await, &again(&unknown).await]);
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            expire(&database);
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            // What is said of one that gave way to others is what is said of one that is over.
            database.execute("DELETE FROM phone_auth_challenge WHERE key_digest IS NOT NULL;");
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            let late = site.client();
            let code = pages
                .asked(&site, &late, &ann.phone)
                .await
                .code()
                .to_owned();
            expire(&database);
            let told = late.post(pages.done, [("code", &code)]).await;
            told.expect(400).says("Get a new one.");
        }
    }
}

/// Makes it so much later, or earlier, as far as codes know: to a server with another clock it is.
fn shift(database: &OwnDatabase, minutes: i64) {
    let shifted = ["created_at", "expires_at", "resend_at"].map(|column| match database.kind() {
        Kind::Sqlite => format!("{column} = {column} - {}", minutes * 60_000_000),
        Kind::Postgres => format!("{column} = {column} - interval '1 minute' * {minutes}"),
    });
    let sql = format!("UPDATE phone_auth_challenge SET {};", shifted.join(", "));
    database.execute(&sql);
}

/// A code that one server has sent is taken by another whose clock is five minutes ahead, or behind, and is good for ten minutes by
/// the clock of the one that takes it; the same for a number that nobody has (O7).
#[tokio::test]
async fn servers_with_other_clocks_take_a_code() {
    for (database, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            for ahead in [5, -5] {
                let told = format!("{:?} {} {ahead}", database.kind(), pages.done);
                let client = site.client();
                let code = pages.asked(&site, &client, &ann.phone).await;
                shift(&database, ahead);
                assert_eq!(pages.typed(&client, code.code()).await, 302, "{told}");

                let (late, nobody) = (site.client(), site.client());
                let code = pages.asked(&site, &late, &ann.phone).await;
                let nobodys = User::another_phone();
                let asked = nobody.submit(pages.ask, [("login", &nobodys)]).await;
                asked.leads_to_code(pages.done);
                shift(&database, 10);
                for client in [late, nobody] {
                    let refused = client.post(pages.done, [("code", code.code())]).await;
                    refused.expect(400).says("Get a new one.");
                }
            }
        }
    }
}

/// Of twenty browsers that have asked for a code, each with a challenge of its own, one goes on by it: it signs in, or chooses the
/// new password (O2, O3). The code is over in the others, and what is sent next is another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_twenty_browsers_uses_a_code() {
    for pages in [RESET, LOG_IN] {
        for (database, site, ann) in sites(|options| options).await {
            let told = format!("{:?} {}", database.kind(), pages.done);
            let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
            let before = sessions();
            let mut all = Vec::new();
            for _ in 0..20 {
                let client = site.client();
                let message = pages.asked(&site, &client, &ann.phone).await;
                all.push((message.code().to_owned(), client));
            }
            let first = all[0].0.clone();
            assert!(all.iter().all(|(code, _)| *code == first));
            let clicks = all.into_iter().map(|(code, client)| async move {
                let answer = client.post(pages.done, [("code", &code)]).await;
                (client, answer)
            });
            let (won, lost): (Vec<_>, Vec<_>) = together(clicks)
                .await
                .into_iter()
                .partition(|(_, answer)| answer.status == 302);
            let statuses: Vec<_> = lost.iter().map(|(_, answer)| answer.status).collect();
            assert_eq!(statuses, [400; 19], "{told}");
            let signed_in = i64::from(pages.done == LOG_IN.done);
            assert_eq!(sessions(), before + signed_in, "{told}");

            let late = site.client();
            let next = pages.asked(&site, &late, &ann.phone).await;
            assert_ne!(next.code(), first, "{told}");
            assert_eq!(pages.typed(&late, &first).await, 400, "{told}");
            for (client, _) in &lost {
                assert_eq!(pages.typed(client, &first).await, 400, "{told}");
            }
            if pages.done == RESET.done {
                // What a browser has waited for it gets by the next.
                assert_eq!(pages.typed(&lost[0].0, next.code()).await, 302, "{told}");
                let (client, answer) = &won[0];
                let fields = [("new_password1", NEW), ("new_password2", NEW)];
                let set = client.submit(answer.location(), fields).await;
                set.redirects_to("/accounts/password_reset_complete/");
            }
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
                again.leads_to_code(pages.done);
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
    for (database, site, ann) in sites(|options| options).await {
        let (kind, bob) = (database.kind(), site.signed_up().await);
        for pages in [RESET, LOG_IN] {
            let client = site.client();
            let message = pages.asked(&site, &client, &ann.phone).await;
            let log_in = client.log_in(&bob.username, &bob.password).await;
            log_in.expect(302);
            for is_signed_out in [false, true] {
                if is_signed_out {
                    client.log_out().await;
                }
                let status = pages.typed(&client, message.code()).await;
                assert_eq!(status, 400, "{kind:?} {is_signed_out}");
                assert_eq!(client.is_logged_in().await, !is_signed_out, "{kind:?}");
            }
            let kept = client.cookies();
            let kept: Vec<_> = kept.iter().map(|it| it.name.as_str()).collect();
            assert!(!kept.contains(&pages.cookie), "{kind:?} {kept:?}");
        }
    }
}

/// A code that verifies an address, with one digit that is another or a key that is (O1), at the page of another purpose or for the
/// other address (O10), and in a browser of the same user that has not asked (O5), verifies nothing; the right one does once, in
/// whatever spelling (O2, O14, X3).
#[tokio::test]
async fn code_of_an_address_is_for_it_alone() {
    for (database, site, _) in sites(|options| options).await {
        let (kind, ann) = (database.kind(), site.member().await);
        let client = &ann.client;
        let phone = Verifies::asked(&site, client, &ann.user.phone).await;
        let email = Verifies::asked(&site, client, &ann.user.email).await;
        let reset = RESET.asked(&site, client, &ann.user.phone).await;

        let elsewhere = site.log_in(&ann.user).await.client;
        let told = phone.typed(&elsewhere, phone.code()).await;
        told.expect(400).says("you asked for it in another browser");
        let name = "phone_auth_challenge_verify";
        let keys = keys_of(client, name);
        // With its key as well, which is tried there as one of that page.
        for pages in [RESET, LOG_IN] {
            elsewhere.plant(pages.cookie, &keys);
            let status = pages.typed(&elsewhere, phone.code()).await;
            assert_eq!(status, 400, "{kind:?} {}", pages.done);
        }
        let thief = client.thief();
        thief.forget(name);
        thief.plant(name, &keys_of(client, RESET.cookie));
        phone.typed(&thief, reset.code()).await.expect(400);
        let thief = client.thief();
        let flip = |it: char| if it == 'A' { 'B' } else { 'A' };
        let flipped: Vec<String> = keys
            .split('~')
            .map(|key| key[..1].chars().map(flip).chain(key[1..].chars()).collect())
            .collect();
        assert_eq!(flipped.len(), 2, "{kind:?} {keys}");
        thief.forget(name);
        thief.plant(name, &flipped.join("~"));
        phone.typed(&thief, phone.code()).await.expect(400);

        // Nothing of that has taken an attempt.
        let forged = |place: usize| {
            let (start, end) = phone.code().split_at(place);
            let digit = if end.starts_with('0') { "1" } else { "0" };
            format!("{start}{digit}{}", &end[1..])
        };
        for (code, words) in [
            (email.code().to_owned(), "4 more times"),
            (reset.code().to_owned(), "3 more times"),
            (forged(0), "2 more times"),
            (forged(5), "once more"),
        ] {
            phone.typed(client, &code).await.expect(400).says(words);
        }
        assert_eq!(client.unverified().await.len(), 2, "{kind:?}");
        let (start, end) = phone.code().split_at(3);
        let spelt = wide(&format!("{start}{end}"));
        phone.confirms(client, &spelt).await;
        let wrong = other_code(reset.code(), 1);
        let told = client.post(RESET.done, [("code", &wrong)]).await;
        told.expect(400).says("4 more times");
        // What the other address waits for has lost nothing.
        let told = email.typed(client, phone.code()).await;
        told.expect(400).says("4 more times");
        email.confirms(client, email.code()).await;
        assert_eq!(client.unverified().await.len(), 0, "{kind:?}");
    }
}

/// Five attempts at an address, however many come at once (O4, X6) and in whichever browsers of its user, and none after ten minutes
/// (O7); another message has the same code and gives none back (O8).
#[tokio::test]
async fn attempts_at_an_address_run_out() {
    for (database, site, _) in sites(|options| options).await {
        let kind = database.kind();
        let ann = site.member().await;
        let phone = Verifies::asked(&site, &ann.client, &ann.user.phone).await;
        let guesses = together((1..=50).map(|by| {
            let (client, wrong) = (ann.client.clone(), other_code(phone.code(), by));
            let form = phone.form(&wrong);
            let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
            async move { client.post(ADDRESSES, form).await }
        }));
        let mut compared = 0;
        for answer in guesses.await {
            // A busy database compares nothing, and says so.
            let is_one = [400, 503].contains(&answer.status);
            assert!(is_one, "{kind:?} {}", answer.status);
            compared += usize::from(answer.text().contains("That code isn’t right"));
        }
        // The last one that is compared is told that the code is over.
        assert!((1..=4).contains(&compared), "{kind:?}: {compared}");
        let left = "SELECT min(attempts_left) FROM phone_auth_challenge WHERE purpose = 'verify'";
        assert_eq!(database.number(left), 0, "{kind:?}");
        let late = phone.typed(&ann.client, phone.code()).await;
        late.expect(400).says("Get a new one.");
        assert_eq!(ann.client.unverified().await.len(), 2, "{kind:?}");

        let bob = site.member().await;
        let elsewhere = site.log_in(&bob.user).await.client;
        let email = Verifies::asked(&site, &bob.client, &bob.user.email).await;
        for (by, client, words) in [
            (1, &bob.client, "4 more times"),
            (2, &bob.client, "3 more times"),
            (3, &elsewhere, "2 more times"),
            (4, &bob.client, "once more"),
        ] {
            let again = [("method", &email.method), ("pk", &email.pk)];
            client.post(ADDRESSES, again).await.expect(302);
            let wrong = other_code(email.code(), by);
            let told = email.typed(client, &wrong).await;
            told.expect(400).says(words);
        }
        email.confirms(&elsewhere, email.code()).await;

        let phone = Verifies::asked(&site, &bob.client, &bob.user.phone).await;
        expire(&database);
        let late = phone.typed(&bob.client, phone.code()).await;
        late.expect(400).says("Get a new one.");
        assert_eq!(bob.client.unverified().await.len(), 1, "{kind:?}");
    }
}

/// Ten minutes later, as far as codes know.
fn expire(database: &OwnDatabase) {
    let over = match database.kind() {
        Kind::Sqlite => "expires_at - 600000000",
        Kind::Postgres => "expires_at - interval '10 minutes'",
    };
    database.execute(&format!(
        "UPDATE phone_auth_challenge SET expires_at = {over}"
    ));
}

/// A link whose button is pressed twice begins one session; pressed elsewhere, or after a log-out, none.
#[tokio::test]
async fn link_pressed_twice_begins_one_session() {
    for (database, site, ann) in sites(|options| options).await {
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        let (client, elsewhere) = (site.client(), site.client());
        let message = LOG_IN.asked(&site, &client, &ann.phone).await;
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
            .post(message.url(), [("code", message.code())])
            .await
            .expect(400);
        client.log_out().await;
        second.send_form(message.url(), &form).await.expect(400);
        assert_eq!(sessions(), before);
    }
}

/// A code with one digit that is another, and the right one at a key that is (O1).
#[tokio::test]
async fn flipped_code_or_key_is_refused() {
    for (database, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            for places in [[0, 1, 2], [3, 4, 5]] {
                let client = site.client();
                let message = pages.asked(&site, &client, &ann.phone).await;
                let code = message.code();
                let cookies = client.cookies();
                let mut kept = cookies.iter();
                let kept = kept.find(|it| it.name == pages.cookie);
                let key = kept.expect("the browser has the key").value.clone();
                for place in (0..43).step_by(7) {
                    let thief = client.thief();
                    let flipped = if key[place..].starts_with('A') {
                        "B"
                    } else {
                        "A"
                    };
                    let forged = format!("{}{flipped}{}", &key[..place], &key[place + 1..]);
                    thief.forget(pages.cookie);
                    thief.plant(pages.cookie, &forged);
                    assert_eq!(pages.typed(&thief, code).await, 400, "{place}");
                }
                for place in places {
                    let flipped = if code[place..].starts_with('0') {
                        "1"
                    } else {
                        "0"
                    };
                    let forged = format!("{}{flipped}{}", &code[..place], &code[place + 1..]);
                    assert_eq!(pages.typed(&client, &forged).await, 400, "{place}");
                }
                let kind = database.kind();
                assert_eq!(pages.typed(&client, code).await, 302, "{kind:?}");
            }
        }
    }
}

/// A program that looks at a link to log in, in each way that is not a button of its page, uses up neither it nor the code (O6).
#[tokio::test]
async fn looking_uses_up_no_log_in() {
    for (_, site, ann) in sites(|options| options).await {
        for by_link in [false, true] {
            let client = site.client();
            let message = LOG_IN.asked(&site, &client, &ann.phone).await;
            let scanner = site.client();
            for _ in 0..3 {
                for method in ["HEAD", "GET", "OPTIONS"] {
                    let looks = scanner.request(method, message.url());
                    assert!(looks.send().await.status < 300, "{method}");
                }
                let ahead = scanner.request("GET", message.url());
                ahead.header("sec-purpose", "prefetch").send().await;
                let post = || scanner.request("POST", message.url());
                post().form([("a", "b")]).send().await.expect(403);
                let elsewhere = post().header("origin", "https://scanner.example");
                elsewhere.form([("a", "b")]).send().await.expect(403);
            }
            assert!(!scanner.is_logged_in().await);
            let done = if by_link {
                client.submit(message.url(), [("", ""); 0]).await
            } else {
                client.submit(LOG_IN.done, [("code", message.code())]).await
            };
            done.redirects_to("/accounts/profile/");
        }
    }
}

/// A quarter of an hour and a minute later, as far as limits know.
fn later(database: &OwnDatabase) {
    const MICROSECONDS: u64 = 16 * 60 * 1_000_000;
    database.execute(&format!(
        "UPDATE phone_auth_limit SET blocked_until = blocked_until - {MICROSECONDS}, expires_at = expires_at - {MICROSECONDS}"
    ));
}

/// A hundred wrong ones at an address, over however many codes and networks, and then not even the right one (O9). What else
/// there is has counters of its own (X7), and the link in the message works.
#[tokio::test]
async fn hundredth_wrong_code_is_the_last() {
    for (database, site, ann) in sites(SiteOptions::limited).await {
        let kind = database.kind();
        database.execute("UPDATE phone_auth_emailaddress SET is_verified = true");
        database.execute(
            "INSERT INTO phone_auth_email_verified (address_id, verified_at, in_session)
            SELECT id, '2026-01-01 00:00:00', true FROM phone_auth_emailaddress",
        );
        for (place, by_email, by_phone) in [(1, BY_EMAIL, RESET), (2, LOG_IN_BY_EMAIL, LOG_IN)] {
            let done = by_email.done;
            for number in 0..3 {
                let stranger = site.client().at(Ipv4Addr::new(127, 30, number, place));
                let message = by_email.asked(&site, &stranger, &ann.email).await;
                for by in 1..=5 {
                    later(&database);
                    let wrong = other_code(message.code(), by);
                    let status = by_email.typed(&stranger, &wrong).await;
                    assert_eq!(status, 400, "{kind:?} {done} {number}");
                }
                if number == 1 {
                    // Those in between, with their waits, are walked through in `core`.
                    database.execute("UPDATE phone_auth_limit SET hits = 95 WHERE hits = 10");
                }
            }
            later(&database);
            let owner = site.client().at(Ipv4Addr::new(127, 31, 1, place));
            let message = by_email.asked(&site, &owner, &ann.email).await;
            let refused = owner.post(done, [("code", message.code())]).await;
            let refused = refused.expect(429);
            let wait = refused.header("retry-after").and_then(|it| it.parse().ok());
            assert!(wait > Some(86_400), "{kind:?} {done}: {wait:?}");
            let message = by_phone.asked(&site, &owner, &ann.phone).await;
            let entered = by_phone.typed(&owner, message.code()).await;
            assert_eq!(entered, 302, "{kind:?} {done}");
        }
        // A link works in the browser that asked for it, and that of a reset anywhere.
        let client = site.client().at(Ipv4Addr::new(127, 31, 2, 1));
        let message = LOG_IN_BY_EMAIL.asked(&site, &client, &ann.email).await;
        let done = client.submit(message.url(), [("", ""); 0]).await;
        done.redirects_to("/accounts/profile/");
        let by_password = site.client();
        let log_in = by_password.post_log_in(&ann.username, &ann.password).await;
        log_in.expect(302);
        let elsewhere = site.client().at(Ipv4Addr::new(127, 31, 3, 1));
        let message = BY_EMAIL.asked(&site, &elsewhere, &ann.email).await;
        site.client().reset(message.url(), NEW).await.expect(302);

        // What a user types for an address of theirs is a row by itself, which has an end as well.
        let bob = site.member().await;
        let phone = Verifies::asked(&site, &bob.client, &bob.user.phone).await;
        for round in 0..2 {
            for by in 1..=5 {
                later(&database);
                let wrong = other_code(phone.code(), by);
                phone.typed(&bob.client, &wrong).await.expect(400);
            }
            if round == 0 {
                database.execute("UPDATE phone_auth_limit SET hits = 95 WHERE hits = 5");
            }
            database.execute("UPDATE phone_auth_challenge SET attempts_left = 5");
        }
        later(&database);
        let refused = phone.typed(&bob.client, phone.code()).await.expect(429);
        let wait = refused.header("retry-after").and_then(|it| it.parse().ok());
        assert!(wait > Some(86_400), "{kind:?}: {wait:?}");
        assert_eq!(bob.client.unverified().await.len(), 2, "{kind:?}");
        let link = bob.client.open(phone.message.url()).await;
        link.says("Verification successful");
    }
}

/// Who guesses has to wait after ten, by whatever name or spelling they ask (X8), and the owner at another network has not (X4).
#[tokio::test]
async fn spellings_share_the_wrong_codes() {
    for pages in [RESET, LOG_IN] {
        for (database, site, ann) in sites(SiteOptions::limited).await {
            let (code, rest) = ann.phone.split_at(3);
            let mut statuses = Vec::new();
            for (number, login) in (1..).zip([
                ann.phone.clone(),
                ann.username.to_uppercase(),
                format!(" {code} {}-{} ", &rest[..5], &rest[5..]),
            ]) {
                let asks = site.client().at(Ipv4Addr::new(127, 32, number, 1));
                let message = pages.asked_as(&site, &asks, &login, &ann.phone).await;
                let guesser = asks.at(Ipv4Addr::new(127, 33, 1, 1));
                for by in 1..=5 {
                    let wrong = other_code(message.code(), by);
                    statuses.push(pages.typed(&guesser, &wrong).await);
                }
            }
            let kind = database.kind();
            assert_eq!(statuses[..10], [400; 10], "{kind:?}");
            assert!(statuses[10..].contains(&429), "{kind:?} {statuses:?}");
            let owner = site.client().at(Ipv4Addr::new(127, 34, 1, 1));
            let message = pages.asked(&site, &owner, &ann.phone).await;
            let entered = pages.typed(&owner, message.code()).await;
            assert_eq!(entered, 302, "{kind:?} {statuses:?}");
        }
    }
}

/// A network may ask for two codes of an address in a minute: of IPv6 the first 64 bits count, as a trusted proxy says them,
/// and what anyone else says of where they are counts nothing (X13).
#[tokio::test]
async fn forwarded_address_counts_from_a_proxy_alone() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (database, gateway) = (OwnDatabase::new(kind), Gateway::start().await);
        let options = database.site().limited().config(&sent_to(&gateway));
        let site = options.start().await;
        for (peer, said) in [
            (
                [127, 35, 0, 1],
                [
                    ("2001:db8:0:1::1", 302),
                    ("2001:db8:0:2::1, 2001:db8:0:1:a::2", 302),
                    ("2001:db8:0:1:ffff::3", 429),
                    ("2001:db8:0:2::1", 302),
                ],
            ),
            (
                [127, 35, 1, 1],
                [
                    ("2001:db8:0:3::1", 302),
                    ("203.0.113.1", 302),
                    ("2001:db8:0:4::1", 429),
                    ("127.0.0.1", 429),
                ],
            ),
        ] {
            let client = site.client().at(peer.into()).through(ORIGIN);
            let email = User::another_email();
            for (said, status) in said {
                let ask = client.request("POST", RESET.ask).same_origin();
                let ask = ask.header("x-forwarded-for", said);
                let asked = ask.form([("login", &email)]).send().await;
                assert_eq!(asked.status, status, "{kind:?} {peer:?} {said}");
                client.forget(RESET.cookie);
            }
        }
    }
}

/// There is no session before the last step (X11), a reset ends in none (O16), and one that has begun proves nothing more (X12),
/// also to a form that is sent without its page.
#[tokio::test]
async fn session_begins_last_and_is_no_proof() {
    for (database, site, ann) in sites(|options| options).await {
        let kind = database.kind();
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        let client = site.client();
        let reset = RESET.asked(&site, &client, &ann.phone).await;
        let proven = client.submit(RESET.done, [("code", reset.code())]).await;
        assert_eq!(sessions(), before, "{kind:?}");
        let fields = [("new_password1", NEW), ("new_password2", NEW)];
        let set = client.submit(proven.expect(302).location(), fields).await;
        set.redirects_to("/accounts/password_reset_complete/");
        assert!(client.session_cookie().is_none());
        assert_eq!(sessions(), 0, "{kind:?}: the one from before is over");

        let message = LOG_IN.asked(&site, &client, &ann.phone).await;
        let wrong = other_code(message.code(), 1);
        assert_eq!(LOG_IN.typed(&client, &wrong).await, 400);
        assert!(client.session_cookie().is_none());
        assert_eq!(sessions(), 0, "{kind:?}");
        assert_eq!(LOG_IN.typed(&client, message.code()).await, 302);
        let by_password = site.client();
        by_password.log_in(&ann.phone, NEW).await.expect(302);
        assert_eq!(sessions(), 2, "{kind:?}");
        for client in [client, by_password] {
            let path = "/accounts/email/add/";
            for answer in [
                client.get(path).await,
                client.post(path, [("email", "thief@example.org")]).await,
            ] {
                let to = answer.expect(302).location().to_owned();
                assert!(to.starts_with("/accounts/confirm_identity/"), "{to}");
            }
        }
        assert!(!database.dump().contains("thief@example.org"), "{kind:?}");
    }
}

/// The settings of a site whose messages a gateway takes.
fn sent_to(gateway: &Gateway) -> String {
    let origin = gateway.origin();
    format!(
        "site_url = \"{ORIGIN}\"\ntrusted_proxies = [\"127.35.0.1\"]\nlogin_by_code = true\n\
         [sms]\nurl = \"{origin}/send\"\njson = {{ to = \"{{{{ to }}}}\", text = \"{{{{ text }}}}\" }}\n\
         [webhook]\nurl = \"{origin}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         signals = [\"verify_email\", \"reset_password_email\", \"login_email\"]\n"
    )
}

/// What fits one text message, each letter in one place.
const LETTERS: &str = "ÄÖÜäöüßàèéùìò";

/// The text in a request to a gateway.
fn text_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("it is JSON");
    body["text"].as_str().expect("a text").to_owned()
}

/// The text that a gateway gets is one segment, and its last line what telephones fill in, in each language (O15).
#[tokio::test]
async fn text_ends_in_what_telephones_read() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (database, gateway) = (OwnDatabase::new(kind), Gateway::start().await);
        let toml = sent_to(&gateway);
        let site = database.site().config(&toml).start().await;
        let ann = site.signed_up_through(ORIGIN).await.user;
        database.execute("UPDATE phone_auth_phonenumber SET is_verified = true");
        let mut texts = Vec::new();
        for pages in [RESET, LOG_IN] {
            for language in ["en", "de", "fr"] {
                let client = site.client().through(ORIGIN);
                let ask = client.request("POST", pages.ask).same_origin();
                let ask = ask.header("accept-language", language);
                let asked = ask.form([("login", &ann.phone)]).send().await;
                asked.leads_to_code(pages.done);
                let body = gateway.nth(texts.len() + 1).await.body;
                let text = text_of(&body);
                let is_short = |c: char| c.is_ascii() && !"[]{}\\^|~`".contains(c);
                let fits = |c: char| is_short(c) || LETTERS.contains(c);
                assert!(
                    text.chars().all(fits) && text.chars().count() <= 160,
                    "{text}"
                );
                let (_, last) = text.rsplit_once('\n').expect("several lines");
                let code = last.strip_prefix("@accounts.example-site.org #");
                let code = code.unwrap_or_else(|| panic!("{text}"));
                assert!(code.len() == 6 && code.bytes().all(|it| it.is_ascii_digit()));
                assert_eq!(pages.typed(&client, code).await, 302, "{kind:?} {text}");
                texts.push(text);
            }
        }
        database.execute("UPDATE phone_auth_phonenumber SET is_verified = false");
        let client = site.client().through(ORIGIN);
        client.log_in(&ann.phone, &ann.password).await.expect(302);
        let pk = database.number("SELECT id FROM phone_auth_phonenumber");
        let pk = pk.to_string();
        let form = [("method", "phone"), ("pk", pk.as_str())];
        let ask = client.request("POST", ADDRESSES).same_origin();
        let ask = ask.header("accept-language", "fr").form(form);
        ask.send().await.expect(302);
        let text = text_of(&gateway.nth(texts.len() + 1).await.body);
        let (_, last) = text.rsplit_once('\n').expect("several lines");
        let code = last.strip_prefix("@accounts.example-site.org #");
        let code = code.unwrap_or_else(|| panic!("{text}"));
        assert!(text.chars().count() <= 160, "{text}");
        let form = [form[0], form[1], ("code", code)];
        client.post(ADDRESSES, form).await.expect(302);
        let different: HashSet<_> = texts
            .iter()
            .map(|it| it.replace(|c: char| c.is_ascii_digit(), ""))
            .collect();
        assert_eq!(different.len(), 6, "{kind:?}: {texts:?}");
    }
}

/// The right code that one browser sends many times at once, to several processes over one database: each is answered as the first,
/// and none is told that it is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_code_is_right_at_each_process() {
    const PROCESSES: usize = 5;
    const CLICKS: usize = 20;
    for (database, site, ann) in sites(SiteOptions::limited).await {
        let mut others = Vec::new();
        for _ in 1..PROCESSES {
            // The first is the one that sends.
            let options = database.site().limited().setting("outbox_worker", "false");
            others.push(options.setting("login_by_code", "true").start().await);
        }
        for pages in [RESET, LOG_IN] {
            let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
            let before = sessions();
            let client = site.client();
            let message = pages.asked(&site, &client, &ann.phone).await;
            let keys = keys_of(&client, pages.cookie);
            let clicks = together((0..CLICKS).map(|number| {
                let at = number % PROCESSES;
                let click = match at.checked_sub(1).and_then(|at| others.get(at)) {
                    None => site.client(),
                    Some(other) => other.client(),
                };
                click.plant(pages.cookie, &keys);
                let code = message.code().to_owned();
                async move {
                    let answer = click.post(pages.done, [("code", &code)]).await;
                    match answer.status {
                        302 => answer.location().to_owned(),
                        status => format!("{status} {}", answer.page().words()),
                    }
                }
            }));
            let mut answers = clicks.await;
            answers.sort_unstable();
            answers.dedup();
            let kind = database.kind();
            let [form] = &answers[..] else {
                panic!("{kind:?} {}: {answers:?}", pages.done);
            };
            let begun = i64::from(pages.done == LOG_IN.done);
            assert!(!form.starts_with(char::is_numeric), "{kind:?} {form}");
            assert_eq!(sessions(), before + begun, "{kind:?} {}", pages.done);
        }
    }
}
