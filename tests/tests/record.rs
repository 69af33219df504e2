//! Who fires what: the whole record of signals on a walk through every flow, seen from inside.
//!
//! The pages are those of the facade, served on a port of their own; the dispatcher is one of this test.
#![expect(clippy::panic, reason = "it is how a test fails")]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phone_auth::core::accounts::{Dispatch, SignUpForm};
use phone_auth::core::password::Password;
use phone_auth::core::user::User as StoredUser;
use phone_auth::signals::{
    AwaitedEvent, Connection, EmailAdded, EmailRemoved, EmailVerified, Event, LinkFollowed,
    PasswordChanged, PasswordWasReset, PhoneAdded, PhoneRemoved, PhoneVerified, ResetPasswordEmail,
    ResetPasswordPhone, TokenIssued, TokenRefused, UserLoggedIn, UserLoggedOut, UserLoginFailed,
    UserSignedUp, VerifyEmail, VerifyPhone,
};
use phone_auth::{Database, PhoneAuth, SecretKey, Signals, SiteOrigin};
use phone_auth_tests::{Answer, Client, User, until};
use serde_json::Value;
use tempfile::TempDir;

/// Everything that was sent through a dispatcher, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<(String, Value)>>>);

impl Record {
    fn all(&self) -> Vec<(String, Value)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn listen<E: Event + serde::Serialize>(&self, dispatcher: &Signals) -> Connection {
        let record = self.clone();
        dispatcher.connect(move |event: &E| {
            let json = serde_json::to_value(event).unwrap_or_default();
            let name = E::signal().info().name.to_owned();
            record
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((name, json));
        })
    }

    /// The link of the newest event of this name.
    async fn link(&self, signal: &str) -> String {
        until("the link is sent", || async {
            self.newest(signal).is_some()
        })
        .await;
        self.newest(signal).unwrap_or_default()
    }

    fn newest(&self, signal: &str) -> Option<String> {
        let all = self.all();
        let (_, event) = all.iter().rfind(|(name, _)| name == signal)?;
        Some(event["url"].as_str()?.to_owned())
    }

    /// What happened since `from`, each as a short text.
    fn since(&self, from: usize) -> Vec<String> {
        self.all()
            .iter()
            .skip(from)
            .map(|(name, event)| short(name, event))
            .collect()
    }
}

/// `name(sender, what differs)`.
fn short(name: &str, event: &Value) -> String {
    // Whether a refused token was of one purpose or the other, nobody can know.
    let purpose = if name == "token_issued" {
        "purpose"
    } else {
        "none"
    };
    let what = ["email", "phone", "kind", "reason", purpose, "name"]
        .iter()
        .filter_map(|key| event.get(key)?.as_str())
        .collect::<Vec<_>>();
    let sender = event["sender"].as_str().unwrap_or("nobody");
    let user = event.get("user").and_then(|user| user["username"].as_str());
    let parts: Vec<&str> = [sender].into_iter().chain(what).chain(user).collect();
    format!("{name}({})", parts.join(" "))
}

/// A site inside this process.
struct Embedded {
    client: Client,
    origin: String,
    record: Record,
    auth: PhoneAuth,
    _connections: Vec<Connection>,
    folder: TempDir,
}

impl Embedded {
    async fn start(dispatch: Dispatch, meddle: impl FnOnce(&Signals) -> Vec<Connection>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let dispatcher = Signals::isolated();
        let record = Record::default();
        let mut connections = vec![
            record.listen::<ResetPasswordEmail>(&dispatcher),
            record.listen::<ResetPasswordPhone>(&dispatcher),
            record.listen::<VerifyEmail>(&dispatcher),
            record.listen::<VerifyPhone>(&dispatcher),
            record.listen::<UserSignedUp>(&dispatcher),
            record.listen::<UserLoggedIn>(&dispatcher),
            record.listen::<UserLoginFailed>(&dispatcher),
            record.listen::<UserLoggedOut>(&dispatcher),
            record.listen::<PasswordChanged>(&dispatcher),
            record.listen::<PasswordWasReset>(&dispatcher),
            record.listen::<EmailAdded>(&dispatcher),
            record.listen::<PhoneAdded>(&dispatcher),
            record.listen::<EmailRemoved>(&dispatcher),
            record.listen::<PhoneRemoved>(&dispatcher),
            record.listen::<EmailVerified>(&dispatcher),
            record.listen::<PhoneVerified>(&dispatcher),
            record.listen::<TokenIssued>(&dispatcher),
            record.listen::<TokenRefused>(&dispatcher),
            record.listen::<LinkFollowed>(&dispatcher),
        ];
        // After the record, which would else wait until the dispatcher gives up on who hangs.
        connections.extend(meddle(&dispatcher));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let name = format!("sqlite:{}", folder.path().join("site.sqlite3").display());
        let mut database = Database::open(&name).await.expect("the folder is there");
        // Told when the flow has answered, messages too.
        if matches!(dispatch, Dispatch::InRequest) {
            database = database.without_outbox();
        }
        let site = SiteOrigin::parse(&origin).expect("it is an origin");
        let key = SecretKey::generate().expect("the system has randomness");
        let auth = PhoneAuth::builder(site, key, database)
            .accounts(|accounts| accounts.dispatch(dispatch))
            .signals(dispatcher)
            .build()
            .await
            .expect("all that is needed is given");
        let router = auth.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::new(&origin);
        Self {
            client,
            origin,
            record,
            auth,
            _connections: connections,
            folder,
        }
    }

    fn anyone(&self) -> Client {
        Client::new(&self.origin)
    }

    /// Changes the database past the flows, as another program would.
    fn execute(&self, sql: &str) {
        let file = self.folder.path().join("site.sqlite3");
        let done = rusqlite::Connection::open(file).and_then(|database| database.execute(sql, []));
        assert_eq!(done.expect("the database is there"), 1);
    }
}

/// One step of the walk: what was answered, and what was fired by it.
struct Step {
    what: &'static str,
    answer: (u16, Option<String>, String),
    fired: Vec<String>,
}

/// Someone whose name is the same on every walk.
fn ann() -> User {
    User {
        username: "ann".into(),
        email: "ann@example.org".into(),
        phone: "+919876543210".into(),
        password: "plum-Orchard-7".into(),
        ..User::new()
    }
}

/// Walks every flow and writes down each step.
struct Walk<'a> {
    site: &'a Embedded,
    steps: Vec<Step>,
    seen: usize,
}

impl Walk<'_> {
    fn step(&mut self, what: &'static str, answer: &Answer) {
        // Which code the page is about is drawn.
        let location = answer
            .header("location")
            .and_then(|it| it.split("asked=").next())
            .map(str::to_owned);
        // The name of the site has its port, which differs.
        let (_, host) = self.site.origin.split_once("://").unwrap_or_default();
        let words = answer.page().words().replace(host, "the site");
        self.note(what, (answer.status, location, words));
    }

    fn note(&mut self, what: &'static str, answer: (u16, Option<String>, String)) {
        let fired = self.site.record.since(self.seen);
        self.seen += fired.len();
        self.steps.push(Step {
            what,
            answer,
            fired,
        });
    }

    /// A step of the operator, whom no page answers.
    fn operator<E: std::error::Error>(&mut self, what: &'static str, done: Result<StoredUser, E>) {
        let words = match done {
            Ok(user) => user.username,
            Err(error) => error.to_string(),
        };
        self.note(what, (0, None, words));
    }

    async fn users(&mut self) {
        let (ann, client) = (ann(), &self.site.client);
        self.step(
            "sign up with nothing",
            &client.post("/accounts/signup/", [("", ""); 0]).await,
        );
        self.step("sign up", &client.sign_up(&ann).await);
        self.step("sign up again", &client.sign_up(&ann).await);
        self.step(
            "log in as nobody",
            &client.log_in("nobody", &ann.password).await,
        );
        self.step(
            "log in wrongly",
            &client.log_in("ann", "not-Her-Password-1").await,
        );
        self.step("log in", &client.log_in(&ann.phone, &ann.password).await);
    }

    async fn addresses(&mut self) {
        let (ann, client) = (ann(), &self.site.client);
        for (add, ask, open, again, first, second) in [
            (
                "add an email",
                "ask to verify an email",
                "verify an email",
                "verify it again",
                &ann.email,
                "ann2@example.org",
            ),
            (
                "add a phone",
                "ask to verify a phone",
                "verify a phone",
                "verify it again",
                &ann.phone,
                "+919876543211",
            ),
        ] {
            let signal = if first.contains('@') {
                "verify_email"
            } else {
                "verify_phone"
            };
            client.confirm_identity(&ann.password).await.expect(302);
            self.step("add what is taken", &client.add_address(first).await);
            self.step(add, &client.add_address(second).await);
            self.step(ask, &client.ask_verification(first).await);
            let url = self.site.record.link(signal).await;
            let (path, _) = url
                .trim_end_matches('/')
                .rsplit_once('/')
                .unwrap_or_default();
            self.step(
                "open a broken link",
                &client.get(&format!("{path}/nonsense/")).await,
            );
            self.step("ask for its head", &client.head(&url).await);
            self.step(open, &client.get(&url).await);
            self.step(again, &client.get(&url).await);
            let removed = client.remove_address(second).await;
            self.step("remove an address", &removed);
        }
    }

    async fn passwords(&mut self) {
        let (ann, site) = (ann(), self.site);
        let (client, anyone) = (&site.client, site.anyone());
        self.step(
            "change wrongly",
            &client
                .change_password("not-Her-Password-1", "walnut-Harbour-22")
                .await,
        );
        self.step(
            "change",
            &client
                .change_password(&ann.password, "walnut-Harbour-22")
                .await,
        );
        self.step("log out", &client.log_out().await);
        self.step("log out again", &client.log_out().await);
        self.step(
            "ask for a reset as nobody",
            &anyone.ask_reset("nobody@example.org").await,
        );
        for (login, signal, new) in [
            // The younger proof first: a reset by the older one ends it.
            (&ann.phone, "reset_password_phone", "marble-Cottage-31"),
            (&ann.email, "reset_password_email", "copper-Lantern-33"),
        ] {
            self.step("ask for a reset", &anyone.ask_reset(login).await);
            let url = site.record.link(signal).await;
            self.step("ask for its head", &anyone.head(&url).await);
            let opened = anyone.get(&url).await;
            self.step("open the reset link", &opened);
            let form = anyone.path_of(&opened);
            self.step("see the form", &anyone.get(&form).await);
            let differing = [("new_password1", new), ("new_password2", "another-Word-1")];
            self.step("reset wrongly", &anyone.submit(&form, differing).await);
            let same = [("new_password1", new), ("new_password2", new)];
            self.step("reset", &anyone.submit(&form, same).await);
            self.step("open the used link", &anyone.get(&url).await);
        }
    }

    async fn operators(&mut self) {
        let site = self.site;
        let (accounts, anyone) = (site.auth.accounts(), site.anyone());
        let bob = || SignUpForm {
            first_name: "",
            last_name: "",
            username: "bob",
            email: "bob@example.org",
            phone: "",
            password: Password::new("plum-Orchard-7"),
            confirm_password: None,
        };
        let secret = "walnut-Harbour-22";
        self.operator("make bob", accounts.create_user(bob()).await);
        self.operator("make bob again", accounts.create_user(bob()).await);
        let set = accounts.set_password("bob", &Password::new(secret)).await;
        self.operator("set his password", set);
        let set = accounts.set_password("bob", &Password::new("1")).await;
        self.operator("set a bad password", set);
        self.operator("keep him out", accounts.set_active("bob", false).await);
        self.step("log in as bob", &anyone.log_in("bob", secret).await);
        let reset = anyone.ask_reset("bob@example.org").await;
        self.step("ask for a reset as bob", &reset);
        self.operator("let him in", accounts.set_active("bob", true).await);
        site.execute("UPDATE auth_user SET password = '!none' WHERE username = 'bob'");
        self.step("log in without one", &anyone.log_in("bob", secret).await);
    }

    async fn all(site: &Embedded) -> Vec<Step> {
        let mut walk = Walk {
            site,
            steps: Vec::new(),
            seen: 0,
        };
        walk.users().await;
        walk.addresses().await;
        walk.passwords().await;
        walk.operators().await;
        walk.steps
    }
}

/// What each step fires, in the order of the walk.
const EXPECTED: &[(&str, &[&str])] = &[
    ("sign up with nothing", &[]),
    (
        "sign up",
        &["user_signed_up(sign_up ann@example.org +919876543210 ann)"],
    ),
    ("sign up again", &[]),
    (
        "log in as nobody",
        &["user_login_failed(log_in unknown_identifier)"],
    ),
    (
        "log in wrongly",
        &["user_login_failed(log_in wrong_password ann)"],
    ),
    ("log in", &["user_logged_in(log_in ann)"]),
    ("add what is taken", &[]),
    (
        "add an email",
        &["email_added(add_address ann2@example.org ann)"],
    ),
    (
        "ask to verify an email",
        &[
            "token_issued(tokens verify-email)",
            "verify_email(request_verification ann@example.org ann)",
        ],
    ),
    ("open a broken link", BROKEN),
    ("ask for its head", &[]),
    (
        "verify an email",
        &[
            FOLLOWED,
            "email_verified(verify_address ann@example.org ann)",
        ],
    ),
    ("verify it again", &[FOLLOWED]),
    (
        "remove an address",
        &["email_removed(remove_address ann2@example.org ann)"],
    ),
    ("add what is taken", &[]),
    (
        "add a phone",
        &["phone_added(add_address +919876543211 ann)"],
    ),
    (
        "ask to verify a phone",
        &[
            "token_issued(tokens verify-phone)",
            "verify_phone(request_verification +919876543210 ann)",
        ],
    ),
    ("open a broken link", BROKEN),
    ("ask for its head", &[]),
    (
        "verify a phone",
        &[FOLLOWED, "phone_verified(verify_address +919876543210 ann)"],
    ),
    ("verify it again", &[FOLLOWED]),
    (
        "remove an address",
        &["phone_removed(remove_address +919876543211 ann)"],
    ),
    (
        "change wrongly",
        &["user_login_failed(change_password wrong_password ann)"],
    ),
    ("change", &["password_changed(change_password ann)"]),
    ("log out", &["user_logged_out(log_out ann)"]),
    ("log out again", &[]),
    ("ask for a reset as nobody", &[]),
    (
        "ask for a reset",
        &[
            "token_issued(tokens reset-phone)",
            "reset_password_phone(request_password_reset +919876543210 ann)",
        ],
    ),
    ("ask for its head", &[]),
    ("open the reset link", &[RESET_FOLLOWED]),
    ("see the form", &[]),
    ("reset wrongly", &[]),
    ("reset", &["password_was_reset(reset_password ann)"]),
    ("open the used link", USED),
    (
        "ask for a reset",
        &[
            "token_issued(tokens reset-email)",
            "reset_password_email(request_password_reset ann@example.org ann)",
        ],
    ),
    ("ask for its head", &[]),
    ("open the reset link", &[RESET_FOLLOWED]),
    ("see the form", &[]),
    ("reset wrongly", &[]),
    ("reset", &["password_was_reset(reset_password ann)"]),
    ("open the used link", USED),
    (
        "make bob",
        &["user_signed_up(create_user bob@example.org bob)"],
    ),
    ("make bob again", &[]),
    ("set his password", &["password_changed(set_password bob)"]),
    ("set a bad password", &[]),
    ("keep him out", &[]),
    ("log in as bob", &["user_login_failed(log_in inactive bob)"]),
    ("ask for a reset as bob", &[]),
    ("let him in", &[]),
    (
        "log in without one",
        &["user_login_failed(log_in unusable_password bob)"],
    ),
];

const FOLLOWED: &str = "link_followed(urls phone_email_verification_confirm)";
const RESET_FOLLOWED: &str = "link_followed(urls phone_password_reset_confirm)";
const BROKEN: &[&str] = &[FOLLOWED, "token_refused(tokens malformed)"];
const USED: &[&str] = &[RESET_FOLLOWED, "token_refused(tokens forged)"];

#[tokio::test]
async fn each_signal_fires_once() {
    let site = Embedded::start(Dispatch::InRequest, |_| Vec::new()).await;
    let steps = Walk::all(&site).await;
    assert_eq!(steps.len(), EXPECTED.len());
    for (step, (what, fired)) in steps.iter().zip(EXPECTED) {
        assert_eq!(
            (
                step.what,
                &step.fired.iter().map(String::as_str).collect::<Vec<_>>()[..]
            ),
            (*what, *fired)
        );
    }
}

/// Connects to `E` a receiver that fails and one that panics.
fn misbehave<E: Event>(dispatcher: &Signals) -> [Connection; 2] {
    [
        dispatcher.connect(|_: &E| Err::<(), _>("the receiver fails on purpose")),
        dispatcher.connect(|_: &E| {
            if std::hint::black_box(true) {
                std::panic::panic_any("the receiver panics on purpose");
            }
        }),
    ]
}

/// The same, and one that never ends.
fn misbehave_for_ever<E: AwaitedEvent + Clone>(dispatcher: &Signals) -> [Connection; 3] {
    let [fails, panics] = misbehave::<E>(dispatcher);
    let hangs = dispatcher.connect_async(|_: E| std::future::pending::<()>());
    [fails, panics, hangs]
}

#[tokio::test]
async fn bad_receivers_change_no_answer() {
    let good = Embedded::start(Dispatch::Background, |_| Vec::new()).await;
    let bad = Embedded::start(Dispatch::Background, |dispatcher| {
        let all = [
            misbehave_for_ever::<ResetPasswordEmail>(dispatcher),
            misbehave_for_ever::<ResetPasswordPhone>(dispatcher),
            misbehave_for_ever::<VerifyEmail>(dispatcher),
            misbehave_for_ever::<VerifyPhone>(dispatcher),
            misbehave_for_ever::<UserSignedUp>(dispatcher),
            misbehave_for_ever::<UserLoggedIn>(dispatcher),
            misbehave_for_ever::<UserLoginFailed>(dispatcher),
            misbehave_for_ever::<UserLoggedOut>(dispatcher),
            misbehave_for_ever::<PasswordChanged>(dispatcher),
            misbehave_for_ever::<PasswordWasReset>(dispatcher),
            misbehave_for_ever::<EmailAdded>(dispatcher),
            misbehave_for_ever::<PhoneAdded>(dispatcher),
            misbehave_for_ever::<EmailRemoved>(dispatcher),
            misbehave_for_ever::<PhoneRemoved>(dispatcher),
            misbehave_for_ever::<EmailVerified>(dispatcher),
            misbehave_for_ever::<PhoneVerified>(dispatcher),
        ];
        let at_once = [
            misbehave::<TokenIssued>(dispatcher),
            misbehave::<TokenRefused>(dispatcher),
            misbehave::<LinkFollowed>(dispatcher),
        ];
        all.into_iter()
            .flatten()
            .chain(at_once.into_iter().flatten())
            .collect()
    })
    .await;
    let walks = (Walk::all(&good).await, Walk::all(&bad).await);
    assert_eq!(walks.1.len(), EXPECTED.len());
    for (good, bad) in walks.0.iter().zip(&walks.1) {
        assert_eq!((good.what, &good.answer), (bad.what, &bad.answer));
    }
}

#[tokio::test]
async fn background_fires_the_same() {
    let inside = Embedded::start(Dispatch::InRequest, |_| Vec::new()).await;
    let behind = Embedded::start(Dispatch::Background, |_| Vec::new()).await;
    Walk::all(&inside).await;
    Walk::all(&behind).await;
    let sorted = |site: &Embedded| {
        let mut all = site.record.since(0);
        all.sort();
        all
    };
    let drained = behind.auth.shut_down(Duration::from_secs(20)).await;
    assert!(drained, "everybody is told in the end");
    assert_eq!(sorted(&inside), sorted(&behind));
}
