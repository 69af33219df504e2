//! The port that a store fills: what the flows need kept, and what they rely on.
//!
//! Each method is one transaction: it happens whole or not at all. What must happen once is a
//! conditional update with a single winner. A store that runs the suite of
//! `phone-auth-store-testkit` keeps every promise made here.

mod addresses;
mod anomalies;
mod challenges;
mod closing;
mod closing_schedule;
mod django_sessions;
mod error;
mod limits;
mod outbox;
mod password_kinds;
mod public_site;
mod replacements;
mod sessions;
mod site_key;
mod users;
mod wall_clock;

pub use addresses::AddressStore;
pub use anomalies::{
    Anomaly, AnomalyKind, AnomalyStore, anomaly_of_email, anomaly_of_phone, shared_spellings,
};
pub use challenges::ChallengeStore;
pub use closing::{AsSeen, Closed, ClosingStore, EndOfUser, UserRow};
pub use closing_schedule::{ClosingScheduleStore, ScheduledClosing};
pub use django_sessions::DjangoSessionStore;
pub use error::{StoreError, StoreErrorKind, UniqueName};
pub use limits::{LimitRow, LimitStore};
pub use outbox::OutboxStore;
pub use password_kinds::{PasswordKind, PasswordKindStore};
pub use public_site::PublicSite;
pub use replacements::{Replacement, ReplacementStore};
pub use sessions::SessionStore;
pub use site_key::{KeyFingerprint, KeyRecord, SiteKeyStore, SiteOrigin};
pub use users::UserStore;
pub use wall_clock::WallClock;

/// All that the flows need of a store. Whatever has these capabilities is one. [`OutboxStore`] is another, for
/// anyone who wants messages to outlive the process, and [`LimitStore`] one more, for anyone who wants limits to.
pub trait Store:
    UserStore
    + AddressStore
    + SessionStore
    + ChallengeStore
    + ClosingStore
    + ClosingScheduleStore
    + ReplacementStore
    + SiteKeyStore
{
}

impl<T> Store for T where
    T: UserStore
        + AddressStore
        + SessionStore
        + ChallengeStore
        + ClosingStore
        + ClosingScheduleStore
        + ReplacementStore
        + SiteKeyStore
        + ?Sized
{
}
