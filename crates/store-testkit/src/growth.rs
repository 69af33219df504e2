//! What a day of floods leaves in a store: the flows of core, a clock that is moved, and the sweeps of a worker.
//!
//! Strangers of many networks try passwords and ask for resets, by link and by code, of users and of names that nobody has,
//! sign up where they are refused, and users log in again and again and ask for verification links. What is stored afterwards must be
//! bounded, and as much in the last hour as in the second. Sign-ups that succeed have days of their own.
#![expect(clippy::expect_used, reason = "a failed flow is a failed test")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_core::accounts::{Accounts, FailureKind, FlowError, SignUpForm};
use phone_auth_core::address::AddressKind;
use phone_auth_core::client::Client;
use phone_auth_core::clock::ManualClock;
use phone_auth_core::outbox::{OutboxWorker, WorkerOptions};
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::signals::{
    ResetPasswordEmail, ResetPasswordPhone, Signals, VerifyEmail, VerifyPhone,
};
use phone_auth_core::store::{LimitStore, OutboxStore, Store};
use phone_auth_core::tokens::{Keyring, SecretKey};

use crate::plain::Plain;

/// What is stored: how many rows each table has, and the bytes of them all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "anyone who measures a store builds it"
)]
pub struct Size {
    /// The rows of each table, by its name; in the same order each time.
    pub rows: Vec<(String, u64)>,
    /// The bytes of the file, or of all tables.
    pub bytes: u64,
}

/// What a table or its index takes more at once.
const PAGE: u64 = 8 * 1024;

/// How far the clock is moved in one step.
const STEP: Duration = Duration::from_hours(1);

/// How many networks strangers come from in a step, never the same again.
const NETWORKS: u32 = 3;

/// How many names are tried that nobody has. Each keeps a place for its failures in a row, for 30 days, and of such
/// places there are four million in all, so all of these are tried before the size is looked at.
const NOBODIES: u32 = 30;

/// The users whom strangers know.
const USERS: [&str; 4] = ["ann", "bob", "carl", "dora"];

/// The user who logs in again and again, whom no stranger slows down.
const OWNER: &str = "eve";

/// Lets a day of floods pass over an empty store, and looks at its size after each hour. A store that goes by a clock of
/// its own is aged: what it has counted is that much older.
///
/// # Panics
/// When a flow fails for another reason than a limit or a busy database, or what is stored is more at the end of an hour: by
/// more than a tenth, as who comes first among many differs. Rows are compared with those of the second hour, bytes with
/// those of the sixth, with a page more for each table: by then a table has the pages that it needs for the rows which wait to be
/// removed.
pub async fn day_of_floods<S>(
    store: Arc<S>,
    mut age: impl AsyncFnMut(Duration),
    mut measure: impl AsyncFnMut() -> Size,
) where
    S: Store + OutboxStore + LimitStore + 'static,
{
    let site = Site::over(store).await;
    let (mut at_second, mut at_sixth) = (None, None);
    for hour in 1..=24 {
        site.clock.advance(STEP);
        age(STEP).await;
        site.sweep().await;
        site.flood(hour).await;
        let now = measure().await;
        if hour == 2 {
            at_second = Some(now.clone());
        } else if let Some(second) = &at_second {
            for (rows, then) in now.rows.iter().zip(&second.rows) {
                // What is counted of text messages is kept by the hour, for 15 days.
                let most = if then.0 == "phone_auth_limit_sms" {
                    then.1.div_ceil(2) * u64::from(hour)
                } else {
                    then.1 + then.1 / 10
                };
                assert!(rows.1 <= most, "hour {hour}: {rows:?}, and {then:?}");
            }
        }
        if hour == 6 {
            at_sixth = Some(now);
        } else if let Some(sixth) = &at_sixth {
            let tables = sixth.rows.len() as u64;
            let most = sixth.bytes + sixth.bytes / 10 + tables * PAGE;
            assert!(now.bytes <= most, "hour {hour}: {now:?}, and {sixth:?}");
        }
    }
    let second = at_second.into_iter().flat_map(|it: Size| it.rows);
    let sessions = second.filter(|(table, _)| table == "phone_auth_session");
    let sessions: Vec<_> = sessions.map(|(_, rows)| rows).collect();
    let most = u64::from(Settings::default().max_sessions);
    assert_eq!(sessions, [most], "all of one user");
}

/// Lets strangers sign up for days over an empty store, of whom nobody proves an address and some sign in, and looks at its size
/// four times a day. Accounts and sessions live for a day, and a proof is required. In a store that goes by a clock of its own all that
/// is stored is aged, and no clock is moved.
///
/// # Panics
/// When a flow fails for another reason than a limit or a busy database, or what is stored is more, by a tenth, than what it
/// was at the end of the third day.
pub async fn days_of_sign_ups<S>(
    store: Arc<S>,
    mut age: Option<impl AsyncFnMut(Duration)>,
    mut measure: impl AsyncFnMut() -> Size,
) where
    S: Store + OutboxStore + LimitStore + 'static,
{
    let mut settings = Settings::default();
    settings.require_verified = true;
    settings.session_lifetime = Duration::from_hours(24);
    settings.unverified_account_lifetime = Some(Duration::from_hours(24));
    let site = Site::with(store, settings);
    let mut before: Option<Size> = None;
    for step in 1..=24_u8 {
        match &mut age {
            Some(age) => age(6 * STEP).await,
            None => site.clock.advance(6 * STEP),
        }
        site.sweep().await;
        for number in 0..12 {
            let [username, email, phone] = [
                format!("new{step}-{number}"),
                format!("new{step}-{number}@example.org"),
                format!("+9199{step:04}{number:04}"),
            ];
            let from = site.stranger(Ipv4Addr::new(45, 200, step, 1));
            let form = SignUpForm {
                username: &username,
                email: &email,
                phone: &phone,
                ..form("eve")
            };
            let made = done(from.sign_up(form).await);
            assert!(made.is_some(), "{username}");
            if number % 2 == 0 {
                done(from.log_in(&username, &Password::new(PASSWORD), None).await);
            }
        }
        let now = measure().await;
        if step == 12 {
            before = Some(now);
        } else if let Some(before) = &before {
            // Counters live for up to 30 days, no matter whom they are about.
            let tables = now.rows.iter().zip(&before.rows);
            for (rows, then) in tables.filter(|(rows, _)| rows.0 != "phone_auth_limit") {
                assert!(
                    rows.1 <= then.1 + then.1 / 10,
                    "{step}: {rows:?}, and {then:?}"
                );
            }
            let tables = before.rows.len() as u64;
            let most = before.bytes + before.bytes / 10 + tables * PAGE;
            assert!(now.bytes <= most, "{step}: {now:?}, and {before:?}");
        }
    }
}

/// A site with the settings that ship, but for what a hash costs.
struct Site {
    accounts: Accounts,
    clock: ManualClock,
    worker: OutboxWorker,
    signals: Signals,
}

impl Site {
    /// One with its users.
    async fn over<S>(store: Arc<S>) -> Self
    where
        S: Store + OutboxStore + LimitStore + 'static,
    {
        let site = Self::with(store, Settings::default());
        for (number, name) in (10..).zip(USERS.into_iter().chain([OWNER])) {
            let from = site.stranger(Ipv4Addr::new(192, 0, 2, number));
            done(from.sign_up(form(name)).await);
        }
        site
    }

    fn with<S>(store: Arc<S>, settings: Settings) -> Self
    where
        S: Store + OutboxStore + LimitStore + 'static,
    {
        let key = SecretKey::generate().expect("there are random bytes");
        let (clock, signals) = (ManualClock::starting_now(), Signals::isolated());
        let accounts = Accounts::builder(Arc::clone(&store) as _, Keyring::new(key))
            .outbox(Arc::clone(&store) as _)
            .limits(store)
            .signals(signals.clone())
            .clock(clock.clone())
            .settings(settings)
            .hasher(Plain)
            .build()
            .expect("the settings that ship are right");
        let worker = accounts
            .outbox()
            .map(|it| it.worker(WorkerOptions::default()));
        Self {
            worker: worker.expect("there is an outbox"),
            accounts,
            clock,
            signals,
        }
    }

    fn stranger(&self, address: Ipv4Addr) -> Accounts {
        self.accounts.for_client(Client::new().at(address.into()))
    }

    /// What a worker does now and then. Messages are delivered to receivers that drop them.
    async fn sweep(&self) {
        let emails = (
            self.signals.capture::<ResetPasswordEmail>(),
            self.signals.capture::<VerifyEmail>(),
        );
        let phones = (
            self.signals.capture::<ResetPasswordPhone>(),
            self.signals.capture::<VerifyPhone>(),
        );
        self.worker.deliver_due().await.expect("messages go out");
        drop((emails, phones));
        let limits = self.accounts.remove_empty_limits().await;
        limits.expect("counters are removed");
        let sessions = self.accounts.remove_expired_sessions().await;
        sessions.expect("sessions are removed");
        let closed = self.accounts.close_due().await;
        closed.expect("accounts are closed");
    }

    /// What strangers and users do in one step, as many at once as there are networks.
    async fn flood(&self, hour: u32) {
        let networks = (0..NETWORKS).map(|number| {
            let number = hour * NETWORKS + number;
            let [.., third, fourth] = number.to_be_bytes();
            let from = self.stranger(Ipv4Addr::new(45, third, fourth, 1));
            tokio::spawn(strangers(from, number))
        });
        let networks: Vec<_> = networks.collect();
        self.users(if hour <= 2 { 28 } else { 5 }).await;
        for network in networks {
            network.await.expect("a flood comes to its end");
        }
    }

    /// A user who logs in again and again, and asks for all that one can ask for.
    async fn users(&self, log_ins: u32) {
        let password = Password::new(PASSWORD);
        let from = self.stranger(Ipv4Addr::new(192, 0, 2, 14));
        let mut key = None;
        for _ in 0..log_ins {
            let logged_in = done(from.log_in(OWNER, &password, None).await);
            key = logged_in.map(|it| it.key).or(key);
        }
        let key = key.expect("few enough to be let in");
        let current = from.current_user(&key).await.expect("it can be read");
        let current = current.expect("the newest session lives");
        for number in 0..6 {
            let text = format!("more{number}@example.org");
            done(from.add_address(&current, AddressKind::Email, &text).await);
        }
        let addresses = from.addresses(&current).await.expect("they can be read");
        for address in addresses.iter().chain(&addresses) {
            done(
                from.request_verification(&current, address.kind, address.id)
                    .await,
            );
        }
    }
}

/// What comes from one network: more of everything than it may do.
async fn strangers(from: Accounts, number: u32) {
    let wrong = Password::new("wrong-Orchard-1");
    for (round, user) in (0..11).zip(USERS.into_iter().cycle()) {
        // Those beyond the limit of a network are not counted, so they try no name for the first time.
        let nobody = match round {
            ..6 => format!("nobody{}@example.org", (number * 6 + round) % NOBODIES),
            _ => "nobody0@example.org".to_owned(),
        };
        let name = if round % 3 == 0 { user } else { &nobody };
        done(from.log_in(name, &wrong, None).await);
        done(from.begin_reset(&nobody, None).await);
        // A number that nobody has, and that was never asked for before.
        let nobodys = format!("+9198{:08}", number * 11 + round);
        done(from.request_password_reset(&nobodys).await);
        done(
            from.request_password_reset(&format!("{user}@example.org"))
                .await,
        );
    }
    for _ in 0..21 {
        if !number.is_multiple_of(NETWORKS) {
            break;
        }
        done(from.sign_up(form("ann")).await);
    }
}

/// What a flow made, if it did; it may be refused or limited, or come to a database that is busy.
fn done<T, R>(outcome: Result<T, FlowError<R>>) -> Option<T> {
    match outcome {
        Ok(made) => Some(made),
        Err(FlowError::Refused(_)) => None,
        Err(FlowError::Failed(failure)) => {
            let kind = failure.kind();
            let is_expected =
                matches!(kind, FailureKind::Limited { .. } | FailureKind::Unavailable);
            assert!(is_expected, "{failure:?}");
            None
        }
    }
}

const PASSWORD: &str = "plum-Orchard-1";

fn form(name: &'static str) -> SignUpForm<'static> {
    let (email, phone) = match name {
        "ann" => ("ann@example.org", "+919876543210"),
        "bob" => ("bob@example.org", "+919876543211"),
        "carl" => ("carl@example.org", "+919876543212"),
        "dora" => ("dora@example.org", "+919876543213"),
        _ => ("eve@example.org", "+919876543214"),
    };
    SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: name,
        email,
        phone,
        password: Password::new(PASSWORD),
        confirm_password: Some(Password::new(PASSWORD)),
    }
}
