//! Databases of earlier versions: what was begun with them goes on with this one.
#![expect(
    clippy::indexing_slicing,
    reason = "indexing JSON that lacks a key gives null"
)]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{
    Client, Fixture, FixtureUser, Kind, OwnDatabase, Site, SiteOptions, run, until,
};
use serde_json::Value;

const PROFILE: &str = "/accounts/profile/";
const NEW_PASSWORD: &str = "walnut-Harbour-22";

/// A database of an earlier version, with all that belongs to it.
struct Before {
    fixture: Fixture,
    database: OwnDatabase,
}

impl Before {
    fn load(version: &str, name: &str, kind: Kind) -> Self {
        let fixture = Fixture::read(version, name);
        let database = OwnDatabase::new(kind);
        fixture.load(version, name, &database);
        Self { fixture, database }
    }

    /// This version on it, as it was set up before.
    fn site(&self) -> SiteOptions {
        let lifetimes = [
            "reset_email_lifetime",
            "reset_phone_lifetime",
            "verify_email_lifetime",
            "verify_phone_lifetime",
        ];
        let options = self.database.site();
        lifetimes
            .iter()
            .fold(options, |options, name| options.setting(name, "7 days"))
    }

    async fn serves(&self) {
        for link in &self.fixture.links {
            let same = self.fixture.link_at(link, link.sent_at());
            assert_eq!(
                same, link.url,
                "a link of now is made as that version made them"
            );
        }
        if self.fixture.django_key.is_some() {
            // Before anybody signs in: a hash that is made anew ends the sessions that Django shares.
            let key = self.database.folder().join("django.key");
            let options = self.site().setting("django_sessions", "true");
            let options = options.setting("django_secret_key_file", &key.to_string_lossy());
            let options = options.setting("outbox_worker", "false");
            self.sessions_live(&options.start().await, true).await;
        }
        let site = self.site().start().await;
        self.pending_messages_go_out(&site).await;
        self.dead_letters_are_sent_again(&site).await;
        self.sessions_live(&site, false).await;
        self.links_open(&site).await;
        self.people_sign_in(&site).await;
    }

    async fn pending_messages_go_out(&self, site: &Site) {
        for message in &self.fixture.pending {
            site.printed(&message.signal, &message.destination).await;
        }
        let pending = "SELECT count(*) FROM phone_auth_outbox WHERE died_at IS NULL";
        until("nothing is pending", || async {
            self.database.number(pending) == 0
        })
        .await;
        let printed = site.record().printed().len();
        assert_eq!(printed, self.fixture.pending.len(), "each went out once");
    }

    async fn dead_letters_are_sent_again(&self, site: &Site) {
        let url = site.database_url();
        let outbox = |arguments: &[&str]| {
            let all = [&["outbox"], arguments, &["--database", &url]].concat();
            let ran = run(site.folder(), &all, &[], "");
            assert!(ran.success, "{}", ran.said());
            ran.stdout
        };
        let listed: Value = serde_json::from_str(&outbox(&["list", "--json"])).expect("JSON");
        let listed = listed.as_array().expect("a list");
        assert_eq!(listed.len(), self.fixture.dead.len(), "{listed:?}");
        for letter in listed {
            assert!(letter["died_at"].is_string(), "{letter}");
            let reason = letter["reason"].as_str().unwrap_or_default();
            assert!(reason.contains("phone_auth.webhook"), "{letter}");
        }
        outbox(&["retry", "--all"]);
        for letter in &self.fixture.dead {
            site.printed(&letter.signal, &letter.destination).await;
        }
    }

    async fn sessions_live(&self, site: &Site, djangos: bool) {
        let mut count = 0;
        for session in &self.fixture.sessions {
            if session.is_djangos == djangos {
                let client = site.client();
                client.plant("sessionid", &session.cookie);
                let page = client.get(PROFILE).await.expect(200);
                page.says(&session.username);
                count += 1;
            }
        }
        assert!(count >= 2, "there were sessions");
    }

    async fn links_open(&self, site: &Site) {
        assert!(self.fixture.links.len() >= 4, "there were links");
        for link in &self.fixture.links {
            let url = self.fixture.link_of_now(link);
            if link.signal.starts_with("verify") {
                let page = site.client().get(&url).await.expect(200);
                page.says("Verification successful");
                continue;
            }
            let client = site.client();
            client.reset(&url, NEW_PASSWORD).await.expect(302);
            client.meets_dead_reset(&url).await;
            sign_in(&site.client(), &link.username, NEW_PASSWORD).await;
        }
    }

    async fn people_sign_in(&self, site: &Site) {
        let was_reset = |user: &FixtureUser| {
            let links = &self.fixture.links;
            let of_user = links.iter().filter(|link| link.username == user.username);
            of_user.clone().any(|link| link.signal.starts_with("reset"))
        };
        for user in &self.fixture.users {
            if was_reset(user) {
                continue;
            }
            // By whatever they have; where people have all three, one of them shows it for all.
            let others = [&user.email, &user.phone].into_iter().flatten();
            let is_shown =
                user.kind == "everything" || user.email.is_none() != user.phone.is_none();
            let others = others.filter(|_| is_shown);
            for name in std::iter::once(&user.username).chain(others) {
                let client = site.client();
                if user.signs_in {
                    sign_in(&client, name, &user.password).await;
                } else {
                    client.log_in(name, &user.password).await.expect(400);
                }
            }
        }
    }
}

async fn sign_in(client: &Client, name: &str, password: &str) {
    client.log_in(name, password).await.redirects_to(PROFILE);
    client.get(PROFILE).await.expect(200);
}

#[tokio::test]
async fn first_sqlite_goes_on() {
    Before::load("first", "own.sqlite", Kind::Sqlite)
        .serves()
        .await;
}

#[tokio::test]
async fn first_postgres_goes_on() {
    Before::load("first", "own.postgres", Kind::Postgres)
        .serves()
        .await;
}

#[tokio::test]
async fn first_beside_django_goes_on() {
    for (name, kind) in [
        ("django.sqlite", Kind::Sqlite),
        ("django.postgres", Kind::Postgres),
    ] {
        Before::load("first", name, kind).serves().await;
    }
}
