//! What codes that verify an address promise where a program opens the link beside them, where the clocks of two servers differ, and
//! where many come at once; on both databases.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not there is a failed test"
)]

use phone_auth_tests::{
    Answer, Browser, BrowserOptions, Client, Kind, OwnDatabase, Printed, Site, SiteOptions, User,
    together,
};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

const ADDRESSES: &str = "/accounts/user_verification/";

/// The row of an address of someone who is signed in, with the message that has its code.
struct Asked {
    method: String,
    pk: String,
    message: Printed,
}

impl Asked {
    /// What a client is sent that asks for the code of an address; or was sent as it signed up.
    async fn of(site: &Site, client: &Client, value: &str, asks: bool) -> Self {
        let rows = client.unverified().await;
        let row = rows.into_iter().find(|row| row.value == value);
        let row = row.unwrap_or_else(|| panic!("{value} is not offered"));
        if asks {
            let form = [("method", &row.method), ("pk", &row.pk)];
            client.post(ADDRESSES, form).await.expect(302);
        }
        let signal = format!("verify_{}", row.method);
        let message = site.printed(&signal, value).await;
        Self {
            method: row.method,
            pk: row.pk,
            message,
        }
    }

    fn form(&self) -> [(String, String); 3] {
        [
            ("method", self.method.as_str()),
            ("pk", &self.pk),
            ("code", self.message.code()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    async fn typed(&self, client: &Client) -> Answer {
        client.post(ADDRESSES, self.form()).await
    }

    fn confirmed(&self) -> String {
        format!("{ADDRESSES}?notice={}-confirmed", self.method)
    }
}

/// A site whose links verify by a click alone; with claims, where no address is a user's before that.
fn by_click(options: SiteOptions, with_claims: bool) -> SiteOptions {
    let options = options.setting("verify_by_click", "true");
    if !with_claims {
        return options;
    }
    options
        .setting("conceal_accounts", "true")
        .setting("verify_at_sign_up", "true")
}

/// What a program does that looks at a link: all but a click on the button of its page.
async fn look(site: &Site, browser: &Browser, url: &str) {
    let scanner = site.client();
    for _ in 0..3 {
        for method in ["HEAD", "GET", "OPTIONS"] {
            let looks = scanner.request(method, url).send().await;
            assert!(looks.status < 300, "{method} {}", looks.status);
        }
        let ahead = scanner.request("GET", url);
        ahead.header("sec-purpose", "prefetch").send().await;
        let post = || scanner.request("POST", url);
        post().form([("a", "b")]).send().await.expect(403);
        let elsewhere = post().header("origin", "https://scanner.example");
        elsewhere.form([("a", "b")]).send().await.expect(403);
    }
    // One that runs the scripts of what it opens.
    browser.goto(&format!("{}{url}", site.origin())).await;
    browser.says("Verify your address").await;
}

/// A program that looks at a link, in each way that is not a click on its button, uses up neither it nor the code (O6); also of an
/// address that is a claim, whose link has a button whatever the settings say.
#[tokio::test]
async fn looking_verifies_no_address() {
    let browser = Browser::start(BrowserOptions {
        javascript: true,
        phone_width: None,
    })
    .await;
    for kind in KINDS {
        for with_claims in [false, true] {
            let database = OwnDatabase::new(kind);
            let site = by_click(database.site(), with_claims).start().await;
            let told = format!("{kind:?} {with_claims}");
            let (client, ann) = if with_claims {
                let (client, ann) = (site.client(), User::new());
                client.sign_up(&ann).await.expect(302);
                (client, ann)
            } else {
                let ann = site.member().await;
                (ann.client, ann.user)
            };
            let email = Asked::of(&site, &client, &ann.email, !with_claims).await;
            let phone = Asked::of(&site, &client, &ann.phone, !with_claims).await;
            for asked in [&email, &phone] {
                look(&site, &browser, asked.message.url()).await;
            }
            assert_eq!(client.unverified().await.len(), 2, "{told}");
            phone.typed(&client).await.redirects_to(&phone.confirmed());
            let clicked = client.submit(email.message.url(), [("", ""); 0]).await;
            clicked.expect(200).says("Verification successful");
            assert_eq!(client.unverified().await.len(), 0, "{told}");
        }
    }
    browser.close().await;
}

/// Makes it so much later, or earlier, as far as codes know: to a server with another clock it is.
fn shift(database: &OwnDatabase, minutes: i64) {
    let shifted = ["created_at", "expires_at", "resend_at"].map(|column| match database.kind() {
        Kind::Sqlite => format!("{column} = {column} - {}", minutes * 60_000_000),
        Kind::Postgres => format!("{column} = {column} - interval '1 minute' * {minutes}"),
    });
    let sql = format!("UPDATE phone_auth_challenge SET {}", shifted.join(", "));
    database.execute(&sql);
}

/// A code that one server has sent is taken by another whose clock is five minutes ahead, or behind, and is good for ten minutes by
/// the clock of the one that takes it (O7).
#[tokio::test]
async fn servers_with_other_clocks_take_a_code() {
    for kind in KINDS {
        for ahead in [5, -5] {
            let database = OwnDatabase::new(kind);
            let site = database.site().start().await;
            let ann = site.member().await;
            let email = Asked::of(&site, &ann.client, &ann.user.email, true).await;
            shift(&database, ahead);
            let confirmed = email.typed(&ann.client).await;
            confirmed.redirects_to(&email.confirmed());

            let phone = Asked::of(&site, &ann.client, &ann.user.phone, true).await;
            shift(&database, ahead);
            shift(&database, 10 - ahead);
            let late = phone.typed(&ann.client).await;
            late.expect(400).says("Get a new one.");
            assert_eq!(ann.client.unverified().await.len(), 1, "{kind:?} {ahead}");
        }
    }
}

/// Twenty right ones at once verify the address once, and its user is told of it once, at the address that they had before (O3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_codes_at_once_tell_of_it_once() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.member().await;
        site.verify(&ann.client, &ann.user.email).await;
        let phone = Asked::of(&site, &ann.client, &ann.user.phone, true).await;
        let notices = || site.count("security_notice_email", &ann.user.email);
        site.delivered().await;
        let before = notices();
        let clicks = together((0..20).map(|_| {
            let (click, form) = (ann.client.thief(), phone.form());
            async move { click.post(ADDRESSES, form).await }
        }));
        for click in clicks.await {
            click.redirects_to(&phone.confirmed());
        }
        let told = site
            .nth_printed("security_notice_email", &ann.user.email, before + 1)
            .await;
        assert_eq!(
            told.payload["change"]["what"], "address_verified",
            "{kind:?}"
        );
        site.delivered().await;
        assert_eq!(notices(), before + 1, "{kind:?}");
    }
}

/// Twenty browsers in which a user has asked for one code, which they all type at once: it verifies the address once, and its user
/// is told of it once (O2, O3). None is told that it is wrong: they have one challenge in common.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_in_twenty_browsers_verifies_once() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.member().await;
        site.verify(&ann.client, &ann.user.email).await;
        let mut browsers = Vec::new();
        for _ in 0..20 {
            browsers.push(site.log_in(&ann.user).await.client);
        }
        let mut all = Vec::new();
        for client in browsers {
            let asked = Asked::of(&site, &client, &ann.user.phone, true).await;
            all.push((client, asked));
        }
        let challenges = "SELECT count(*) FROM phone_auth_challenge WHERE purpose = 'verify'
            AND phone_id IS NOT NULL";
        assert_eq!(database.number(challenges), 1, "{kind:?}");
        site.delivered().await;
        let notices = || site.count("security_notice_email", &ann.user.email);
        let before = notices();
        let clicks = all.into_iter().map(|(client, asked)| async move {
            let answer = asked.typed(&client).await;
            answer.redirects_to(&asked.confirmed());
        });
        together(clicks).await;
        site.nth_printed("security_notice_email", &ann.user.email, before + 1)
            .await;
        site.delivered().await;
        assert_eq!(notices(), before + 1, "{kind:?}");
        assert_eq!(ann.client.unverified().await.len(), 0, "{kind:?}");
    }
}
