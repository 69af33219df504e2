//! Databases of earlier versions: what was begun with them goes on with this one.
#![expect(
    clippy::indexing_slicing,
    reason = "indexing JSON that lacks a key gives null"
)]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{
    Client, Fixture, FixtureUser, Kind, OwnDatabase, Site, SiteOptions, first_binding, hex, run,
    session_digest, statements, until,
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
            // Before anyone signs in: a hash that is made anew ends the sessions that Django shares.
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
        self.users_sign_in(&site).await;
    }

    async fn pending_messages_go_out(&self, site: &Site) {
        for message in &self.fixture.pending {
            site.printed(&message.signal, &message.destination).await;
        }
        // What a webhook has failed at waits for a process that has one.
        let pending = "SELECT count(*) FROM phone_auth_outbox
            WHERE died_at IS NULL AND receipts NOT LIKE '%phone_auth.webhook%'";
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
        let listed = listed.as_array().expect("a list").iter();
        let listed: Vec<&Value> = listed.filter(|it| it["state"] == "failed").collect();
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

    async fn users_sign_in(&self, site: &Site) {
        let was_reset = |user: &FixtureUser| {
            let links = &self.fixture.links;
            let of_user = links.iter().filter(|link| link.username == user.username);
            of_user.clone().any(|link| link.signal.starts_with("reset"))
        };
        for user in &self.fixture.users {
            if was_reset(user) {
                continue;
            }
            // By whatever they have; where users have all three, one of them shows it for all.
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

const KINDS: [(Kind, &str); 2] = [(Kind::Sqlite, "sqlite"), (Kind::Postgres, "postgres")];

/// A server of an earlier version that was running when the database was migrated: its statements.
struct OldServer<'a> {
    database: &'a OwnDatabase,
    statements: Vec<(String, String)>,
}

impl OldServer<'_> {
    /// Runs a statement with these arguments, each written as SQL; its rows.
    fn run(&self, name: &str, arguments: &[&str]) -> Vec<Vec<String>> {
        let named = self.statements.iter().find(|(known, _)| known == name);
        let mut sql = named.expect("the statement is known").1.clone();
        let sign = match self.database.kind() {
            Kind::Sqlite => "?",
            Kind::Postgres => "$",
        };
        for (number, argument) in arguments.iter().enumerate().rev() {
            sql = sql.replace(&format!("{sign}{}", number + 1), argument);
        }
        self.database.rows(&sql)
    }

    /// Begins a session for someone; what stands in the cookie.
    fn log_in(&self, username: &str) -> String {
        let database = self.database;
        let of_user = |what: &str| {
            let sql = format!("SELECT {what} FROM auth_user WHERE username = '{username}'");
            database.text(&sql)
        };
        let (id, checked) = (of_user("id"), format!("'{}'", of_user("password")));
        let cookie = hex(&[7; 32]).replace("07", "o");
        let cookie = format!("{cookie}0123456789A");
        let digest = database.bytes(&session_digest(&cookie));
        let (now, end) = (database.time(0), database.time(3600));
        match database.kind() {
            Kind::Sqlite => {
                self.run("sessions: record", &[&id, &checked, &now, "NULL"]);
                self.run("sessions: begin", &[&digest, &id, &now, &end]);
            }
            Kind::Postgres => {
                let arguments = [&id, &checked, "NULL", &digest, &now, &end, "NULL::bytea"];
                self.run("sessions: log_in", &arguments);
            }
        }
        cookie
    }

    /// Enqueues a reset to an email address.
    fn enqueue_reset(&self, username: &str, email: &str) {
        let database = self.database;
        let state = database.first_state("reset_password_email", username, email);
        let id = |table: &str, column: &str, value: &str| {
            database.text(&format!(
                "SELECT id FROM {table} WHERE {column} = '{value}'"
            ))
        };
        let (now, end) = (database.time(-1), database.time(3600));
        let arguments = [
            "'a-key-of-the-old-server'",
            "'reset_password'",
            "'email'",
            &id("auth_user", "username", username),
            &id("phone_auth_emailaddress", "email", email),
            &database.bytes(&first_binding("reset_password", &state)),
            "NULL",
            &now,
            &end,
        ];
        self.run("outbox: owe", &arguments);
    }
}

#[tokio::test]
async fn first_server_goes_on_beside_migrated() {
    for (kind, store) in KINDS {
        let before = Before::load("first", &format!("own.{store}"), kind);
        let database = &before.database;
        let email = "everything@example.org";
        let options = || before.site().setting("outbox_worker", "false");
        let site = options().start().await;
        let old = OldServer {
            database,
            statements: statements("first", kind),
        };

        // A session that either began is one at the other.
        let client = site.client();
        client.plant("sessionid", &old.log_in("everything"));
        client.get(PROFILE).await.expect(200).says("everything");
        let client = site.client();
        sign_in(&client, "username-only", "plum-Orchard-71!").await;
        let cookie = client.session_cookie().expect("a session").value;
        let digest = database.bytes(&session_digest(&cookie));
        let alive = old.run("sessions: alive", &[&digest, &database.time(0)]);
        assert_eq!(alive.len(), 1, "a session of the new one");
        old.run("sessions: end", &[&digest]);
        client.get(PROFILE).await.expect(302);

        // What the new one enqueues, the old one does not take for obsolete if it finds it.
        database.execute("DELETE FROM phone_auth_outbox;");
        site.client().ask_reset(email).await.expect(302);
        let (now, until) = (database.time(1), database.time(60));
        let claimed = old.run("outbox: claim", &[&now, &until, "10"]);
        for message in &claimed {
            let state = database.first_state("reset_password_email", "everything", email);
            assert_eq!(message[6], hex(&first_binding("reset_password", &state)));
            assert_eq!((message[10].as_str(), message[12].as_str()), ("1", "[]"));
            let id = message[0].as_str();
            old.run("outbox: extend", &[id, "1", &until, "'[]'"]);
            old.run("outbox: remove", &[id, "1"]);
        }
        let left = "SELECT count(*) FROM phone_auth_outbox";
        assert_eq!(database.number(left), i64::from(claimed.is_empty()));

        // What the old one enqueues, the new one delivers, also when the old one has claimed it and is gone.
        database.execute("DELETE FROM phone_auth_outbox;");
        old.enqueue_reset("everything", email);
        let claimed = old.run("outbox: claim", &[&now, &database.time(-1), "10"]);
        assert_eq!(claimed.len(), 1);
        site.stop();
        let site = before.site().start().await;
        let link = site.printed("reset_password_email", email).await;
        site.client().open_reset_link(link.url()).await;
    }
}

#[tokio::test]
async fn statements_of_first_fit_migrated() {
    for (kind, store) in KINDS {
        let before = Before::load("first", &format!("django.{store}"), kind);
        before.site().start().await.stop();
        let statements = statements("first", kind);
        assert!(statements.len() > 40);
        before.database.prepares(&statements);
    }
}

#[test]
fn database_of_later_version_is_refused() {
    for (kind, store) in KINDS {
        let before = Before::load("first", &format!("own.{store}"), kind);
        let database = &before.database;
        let later = format!(
            "INSERT INTO phone_auth_schema VALUES (1000, 'later', {});",
            database.time(0)
        );
        database.execute(&later);
        let url = database.url();
        for arguments in [
            &["serve", "--addr", "127.0.0.1:0"][..],
            &["worker"],
            &["migrate"],
            &["check"],
            &["user", "list"],
            &["user", "create", "zoe"],
            &["outbox", "list"],
        ] {
            let all = [arguments, &["--database", &url]].concat();
            // A worker assumes no mode.
            let variables = [("PHONE_AUTH_DEVELOPMENT", "true")];
            let ran = run(database.folder(), &all, &variables, "plum-Orchard-71!\n");
            let says = ran.stderr.contains("made by a later version of phone-auth");
            assert!(!ran.success && says, "{arguments:?}: {}", ran.said());
        }
    }
}
