//! Calls about the same users at once: each locks rows of several tables, and all in one order, so that none waits for one that
//! waits for it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and each list has two"
)]

use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressKind, AddressRecord, AddressRemoval, EmailAddress, Loss, Losses,
    PhoneNumber, ProofByHand, VerificationClaim,
};
use phone_auth_core::link::{LinkRequest, OpenedLink};
use phone_auth_core::outbox::{Binding, Channel, NewMessage, Notice, Notices, Purpose, Recipient};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{NewLogIn, PasswordReplacement, SessionDigest, SessionHandle};
use phone_auth_core::signals::AccountChange;
use phone_auth_core::store::{
    AddressStore, ClosingStore, EndOfUser, OutboxStore, Replacement, ReplacementStore,
    SessionStore, StoreError, UserStore,
};
use phone_auth_core::user::{User, UserId};
use phone_auth_store_postgres::{PostgresOptions, PostgresStore};
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, query_scalar, raw_sql};

use crate::common::waiting::{LONG, until};
use crate::common::{log_in, opened, run, user, with_tables};

/// Ann and Bob have each an email address and a number, and claim those of the other. So each pair of calls meets in several
/// rows.
#[derive(Clone)]
struct Two {
    store: Arc<PostgresStore>,
    users: [User; 2],
    /// What they have, email first.
    own: [[AddressRecord; 2]; 2],
    /// What they claim, email first.
    claims: [[AddressRecord; 2]; 2],
    at: DateTime<Utc>,
}

impl Two {
    async fn new(store: &Arc<PostgresStore>, number: u32) -> Self {
        let mut users = Vec::new();
        let mut own = Vec::new();
        for (name, number) in [("ann", 2 * number), ("bob", 2 * number + 1)] {
            let new = user(&format!("{name}{number}"), number);
            let user = store.create_user(&new).await.unwrap();
            let addresses = store.addresses_of(user.id, 9).await.unwrap();
            own.push(<[AddressRecord; 2]>::try_from(addresses).unwrap());
            users.push(user);
        }
        let [ann, bob] = <[User; 2]>::try_from(users).unwrap();
        let own = <[_; 2]>::try_from(own).unwrap();
        let two = Self {
            store: Arc::clone(store),
            claims: [
                claimed(store, ann.id, &own[1]).await,
                claimed(store, bob.id, &own[0]).await,
            ],
            own,
            users: [ann, bob],
            at: Utc::now(),
        };
        for user in &two.users {
            let session = two.log_in(user.id);
            assert!(store.log_in(&session).await.unwrap());
        }
        for address in two.own.iter().chain(&two.claims).flatten() {
            for purpose in [Purpose::Verify, Purpose::ResetPassword, Purpose::LogIn] {
                let request = LinkRequest {
                    purpose,
                    kind: address.kind,
                    address: Some(address.id),
                    at: two.at,
                    half_life: None,
                    code_half_life: None,
                };
                store.request_link(&request).await.unwrap();
            }
        }
        for (user, own) in two.users.iter().zip(&two.own) {
            store
                .enqueue_both(two.messages(own, user.id).each_ref())
                .await
                .unwrap();
        }
        two
    }

    /// A log-in with a session that no other has.
    fn log_in(&self, user: UserId) -> NewLogIn {
        let mut new = log_in(user, 0);
        let [half, other] = [rand(self.at), rand(self.at)].map(u128::to_be_bytes);
        let digest = [half, other].concat().try_into().unwrap();
        new.session.digest = SessionDigest::from_bytes(digest);
        new.session.handle = SessionHandle::of_digest(&new.session.digest);
        new
    }

    /// Reset messages to both addresses of a user.
    fn messages(&self, own: &[AddressRecord; 2], user: UserId) -> [NewMessage; 2] {
        own.each_ref().map(|address| NewMessage {
            recipient: Some(Recipient {
                user,
                address: address.id,
            }),
            kind: address.kind,
            ..self.message(Purpose::ResetPassword)
        })
    }

    fn message(&self, purpose: Purpose) -> NewMessage {
        NewMessage {
            key: format!("{:032x}", rand(self.at)),
            purpose,
            kind: AddressKind::Email,
            recipient: None,
            notice: None,
            event: None,
            binding: Binding::from_stored([1], None),
            language: None,
            channel: Channel::Email,
            created_at: self.at,
            code_half_life: None,
            challenge: None,
            expires_at: self.at + TimeDelta::hours(1),
        }
    }

    /// What tells a user of a change.
    fn notices(&self, user: UserId) -> Notices {
        let notice = Notice {
            user,
            to: "ann@example.net".to_owned(),
            change: AccountChange::PasswordChanged,
        };
        Notices::new(vec![NewMessage {
            notice: Some(notice),
            ..self.message(Purpose::SecurityNotice)
        }])
    }

    /// What the other loses when one of them proves what both have.
    fn losses(&self, who: usize, kind: usize) -> Losses {
        let lost = [&self.own, &self.claims].map(|of| &of[1 - who][kind]);
        Losses {
            keeps_claims: false,
            told: lost
                .map(|it| Loss {
                    address: it.id,
                    user: it.user,
                    notices: self.notices(it.user),
                })
                .to_vec(),
        }
    }

    async fn verify(&self, address: &AddressRecord, losses: Losses) -> Result<(), StoreError> {
        let newest = self.newest(Purpose::Verify, address).await?;
        let claim = VerificationClaim {
            kind: address.kind,
            id: address.id,
            user: address.user,
            value: address.value.clone(),
            newest,
            issued_at: self.at,
            at: self.at,
            in_session: true,
            notices: self.notices(address.user),
            losses,
            account: None,
        };
        self.store.verify_address(&claim).await.map(drop)
    }

    async fn newest(
        &self,
        purpose: Purpose,
        address: &AddressRecord,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let target = self
            .store
            .link_target(purpose, address.kind, address.id)
            .await?;
        Ok(target.and_then(|it| it.newest))
    }

    async fn opened(
        &self,
        purpose: Purpose,
        address: &AddressRecord,
    ) -> Result<OpenedLink, StoreError> {
        Ok(OpenedLink {
            kind: address.kind,
            address: address.id,
            value: address.value.clone(),
            newest: self.newest(purpose, address).await?,
            at: self.at,
        })
    }

    async fn replace(
        &self,
        user: &User,
        link: Option<OpenedLink>,
        losses: Losses,
    ) -> Result<(), StoreError> {
        let replacement = PasswordReplacement {
            user: user.id,
            old: user.password.clone(),
            new: EncodedPassword::new("argon2$new"),
            last_login: None,
            link,
            keeps: None,
            notices: self.notices(user.id),
            losses,
            names: None,
        };
        self.store.replace_password(&replacement).await.map(drop)
    }

    fn by_hand(&self, address: &AddressRecord, losses: Losses) -> ProofByHand {
        ProofByHand {
            kind: address.kind,
            id: address.id,
            user: address.user,
            is_verified: true,
            at: self.at,
            notices: self.notices(address.user),
            losses,
        }
    }

    fn removal(&self, address: &AddressRecord) -> AddressRemoval {
        AddressRemoval {
            kind: address.kind,
            id: address.id,
            user: address.user,
            needs: None,
            replaced_by: None,
            notices: self.notices(address.user),
        }
    }
}

const CAPS: AddressCaps = AddressCaps {
    all: 100,
    unverified: 100,
    replaces: None,
};

async fn claimed(
    store: &PostgresStore,
    user: UserId,
    addresses: &[AddressRecord; 2],
) -> [AddressRecord; 2] {
    let (mut claims, nothing) = (Vec::new(), Notices::default());
    for it in addresses {
        let address = parsed(it);
        let claim = store.add_address(user, &address, CAPS, &nothing);
        claims.push(claim.await.unwrap());
    }
    claims.try_into().unwrap()
}

fn parsed(address: &AddressRecord) -> Address {
    match address.kind {
        AddressKind::Email => Address::Email(EmailAddress::parse(&address.value).unwrap()),
        AddressKind::Phone => Address::Phone(PhoneNumber::parse(&address.value).unwrap()),
    }
}

/// A number that no other call has.
fn rand(at: DateTime<Utc>) -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    number << 64 | u128::from(at.timestamp_micros().unsigned_abs())
}

type Call = fn(Two, usize) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// A call of one of the two: of the first or the second.
macro_rules! call {
    (|$two:ident, $who:ident| $call:block) => {
        |$two, $who| Box::pin(async move $call)
    };
}

/// Every call that writes more than one row. Both kinds where they differ.
const CALLS: [(&str, Call); 22] = [
    (
        "prove a claim on an email address",
        call!(|two, who| { two.verify(&two.claims[who][0], two.losses(who, 0)).await }),
    ),
    (
        "prove a claim on a number",
        call!(|two, who| { two.verify(&two.claims[who][1], two.losses(who, 1)).await }),
    ),
    (
        "prove a claim by hand",
        call!(|two, who| {
            let proof = two.by_hand(&two.claims[who][0], two.losses(who, 0));
            two.store.set_verified(&proof).await.map(drop)
        }),
    ),
    (
        "prove an own address",
        call!(|two, who| { two.verify(&two.own[who][0], two.losses(who, 0)).await }),
    ),
    (
        "prove an own address by hand",
        call!(|two, who| {
            let proof = two.by_hand(&two.own[who][1], two.losses(who, 1));
            two.store.set_verified(&proof).await.map(drop)
        }),
    ),
    (
        "reset by an email address",
        call!(|two, who| {
            let link = two.opened(Purpose::ResetPassword, &two.own[who][0]).await?;
            two.replace(&two.users[who], Some(link), two.losses(who, 0))
                .await
        }),
    ),
    (
        "reset by a number",
        call!(|two, who| {
            let link = two.opened(Purpose::ResetPassword, &two.own[who][1]).await?;
            two.replace(&two.users[who], Some(link), two.losses(who, 1))
                .await
        }),
    ),
    (
        "another password",
        call!(|two, who| { two.replace(&two.users[who], None, Losses::default()).await }),
    ),
    (
        "remove an email address",
        call!(|two, who| {
            two.store
                .remove_address(&two.removal(&two.own[who][0]))
                .await
                .map(drop)
        }),
    ),
    (
        "remove a claim",
        call!(|two, who| {
            two.store
                .remove_address(&two.removal(&two.claims[who][0]))
                .await
                .map(drop)
        }),
    ),
    (
        "free an address",
        call!(|two, who| {
            let proof = two.by_hand(&two.own[who][1], Losses::default());
            two.store.set_verified(&proof).await?;
            let link = two.opened(Purpose::ResetPassword, &two.own[who][0]).await?;
            let notices = two.notices(two.users[who].id);
            two.store
                .free_address(two.users[who].id, &link, &notices)
                .await
                .map(drop)
        }),
    ),
    (
        "close",
        call!(|two, who| {
            let id = two.users[who].id;
            let end = EndOfUser::now(id, format!("closed-{}", id.get()));
            two.store.close_user(&end).await.map(drop)
        }),
    ),
    (
        "enqueue two messages",
        call!(|two, who| {
            let messages = two.messages(&two.own[who], two.users[who].id);
            two.store.enqueue_both(messages.each_ref()).await.map(drop)
        }),
    ),
    (
        "enqueue a message to a claim",
        call!(|two, who| {
            let claim = &two.claims[who][0];
            let message = NewMessage {
                recipient: Some(Recipient {
                    user: claim.user,
                    address: claim.id,
                }),
                ..two.message(Purpose::Verify)
            };
            two.store.enqueue_message(&message).await.map(drop)
        }),
    ),
    (
        "end a link",
        call!(|two, who| {
            let link = two.opened(Purpose::LogIn, &two.own[who][0]).await?;
            two.store
                .end_link(Purpose::LogIn, two.users[who].id, &link)
                .await
                .map(drop)
        }),
    ),
    (
        "log in",
        call!(|two, who| {
            let new = two.log_in(two.users[who].id);
            two.store.log_in(&new).await.map(drop)
        }),
    ),
    (
        "log in and upgrade",
        call!(|two, who| {
            let new = NewLogIn {
                upgraded_password: Some(EncodedPassword::new("argon2$better")),
                ..two.log_in(two.users[who].id)
            };
            two.store.log_in(&new).await.map(drop)
        }),
    ),
    (
        "end all sessions",
        call!(|two, who| {
            two.store
                .end_sessions_of(two.users[who].id, None)
                .await
                .map(drop)
        }),
    ),
    (
        "disable",
        call!(|two, who| {
            two.store
                .set_active(two.users[who].id, false)
                .await
                .map(drop)
        }),
    ),
    (
        "make primary",
        call!(|two, who| {
            let (user, notices) = (two.users[who].id, two.notices(two.users[who].id));
            two.store
                .make_primary(user, two.own[who][0].id, &notices)
                .await
                .map(drop)
        }),
    ),
    (
        "claim an address",
        call!(|two, who| {
            let caps = AddressCaps {
                replaces: Some((two.own[who][0].id, two.at)),
                ..CAPS
            };
            let text = format!("new{}@example.org", two.users[0].id.get());
            let address = Address::Email(EmailAddress::parse(&text).unwrap());
            let notices = two.notices(two.users[who].id);
            let _ = two
                .store
                .claim_address(two.users[who].id, &address, caps, &notices)
                .await;
            Ok(())
        }),
    ),
    (
        "replace an address",
        call!(|two, who| {
            let kept = Replacement {
                old: two.own[who][0].id,
                new: two.claims[who][0].id,
                asked_at: two.at,
            };
            two.store
                .replace_address(two.users[who].id, AddressKind::Email, kept)
                .await
                .map(drop)
        }),
    ),
];

/// Rows are written slowly, so that two calls are in the middle of what they do at the same moment. A trigger has its row when
/// it runs.
const SLOWLY: &str = "
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_sleep(0.003);
        RETURN coalesce(NEW, OLD);
    END $$;
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'phone_auth_schema' LOOP
            EXECUTE format('CREATE TRIGGER slowly BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION slowly()', name);
        END LOOP;
    END $$";

/// A server that finds a deadlock answers one of the two at once, and counts.
async fn prepared(database: &Database, others: &str) -> PgConnection {
    let mut outside = PgConnection::connect(database.url()).await.unwrap();
    let soon = format!(
        "ALTER DATABASE {} SET deadlock_timeout = '20ms'",
        database.name()
    );
    for statements in [SLOWLY, others, &*soon] {
        let statements = raw_sql(AssertSqlSafe(statements.to_owned()));
        statements.execute(&mut outside).await.unwrap();
    }
    outside
}

/// How many deadlocks there were: all who were in one have told it when they end.
async fn deadlocks(outside: &mut PgConnection) -> i64 {
    let alone = "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid())";
    until(outside, alone).await;
    query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        .fetch_one(outside)
        .await
        .unwrap()
}

/// Those of two calls that failed, by one user and by two.
async fn meet(store: &Arc<PostgresStore>, number: u32, of: (usize, usize)) -> Vec<String> {
    let ((one, first), (other, second)) = (CALLS[of.0], CALLS[of.1]);
    let mut failed = Vec::new();
    for who in [0, 1] {
        let two = Two::new(store, number * 2 + u32::try_from(who).unwrap()).await;
        let (first, second) = tokio::join!(
            tokio::spawn(first(two.clone(), 0)),
            tokio::spawn(second(two.clone(), who)),
        );
        for (what, done) in [(one, first), (other, second)] {
            if let Err(error) = done.unwrap() {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                failed.push(format!("{one} and {other} ({who}): {what}: {cause:?}"));
            }
        }
    }
    failed
}

/// Each with each of which one is among these, of one user and of two who have what the other claims.
async fn all_meet(among: &[&str], others: &str) {
    let database = with_tables().await;
    let mut outside = prepared(&database, others).await;
    let options = PostgresOptions::default()
        .with_statement_timeout(LONG)
        .with_acquire_timeout(LONG);
    let store = Arc::new(opened(database.url(), options).await);
    let all = 0..CALLS.len();
    let pairs = all.flat_map(|first| (first..CALLS.len()).map(move |second| (first, second)));
    let is_meant = |(first, second): &(usize, usize)| {
        let names = [CALLS[*first].0, CALLS[*second].0];
        among.is_empty() || names.iter().any(|name| among.contains(name))
    };
    let pairs: Vec<_> = (1..).zip(pairs.filter(is_meant)).collect();
    assert!(pairs.len() >= CALLS.len());
    let at = async |pair: Option<&(u32, (usize, usize))>| match pair {
        Some((number, pair)) => Box::pin(meet(&store, *number, *pair)).await,
        None => Vec::new(),
    };
    let mut failed = Vec::new();
    for pairs in pairs.chunks(3) {
        let met = tokio::join!(at(pairs.first()), at(pairs.get(1)), at(pairs.get(2)));
        failed.extend([met.0, met.1, met.2].concat());
    }
    store.close().await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(deadlocks(&mut outside).await, 0);
}

#[test]
fn calls_at_once_meet_no_deadlock() {
    run(all_meet(&[], ""));
}

/// Where a closed user stays as a row, what is theirs goes in the same order.
#[test]
fn users_who_stay_meet_no_deadlock() {
    run(all_meet(
        &["close"],
        "CREATE TABLE invoice (user_id integer REFERENCES auth_user (id));
        CREATE FUNCTION bill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO invoice VALUES (NEW.id);
            RETURN NULL;
        END $$;
        CREATE TRIGGER bill AFTER INSERT ON auth_user FOR EACH ROW EXECUTE FUNCTION bill()",
    ));
}
