//! What another program on the same database has stored and the flows cannot serve as it is.

use async_trait::async_trait;

use super::{StoreError, StoreErrorKind, UserStore};
use crate::address::{EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings, is_e164};
use crate::user::{AccountName, UserId};

/// Why rows are odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// Several users have an email address or a phone number in different spellings, such as letters of different
    /// case: none of them can log in or be sent a reset link by it.
    SharedEmail,
    /// Several users have a username in letters of different case: each logs in by exactly theirs.
    SharedUsername,
    /// A username is another user's email address or phone number: who types it is taken for the other.
    UsernameOfAnother,
    /// An email address is stored in another spelling than ours, or is none that we would take: its owner is found by it,
    /// and messages go to it as it is stored.
    ForeignEmail,
    /// A phone number is not in the form E.164 (`+14155552671`): its owner is found by it, and messages go to it as it is
    /// stored.
    ForeignPhone,
    /// A phone number is in the form E.164, and in no numbering plan, or not any more: its owner is found by exactly that
    /// number.
    UnassignedPhone,
    /// An address belongs to no user: nobody can log in or be sent a link by it. The id beside it is that of no user.
    Ownerless,
    /// A time cannot be read: the last log-in counts as none, the time of joining as 1970.
    UnreadableTime,
}

/// Rows that are odd together, such as all the spellings of one email address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Anomaly {
    /// What is odd.
    pub kind: AnomalyKind,
    /// What is stored, and whose it is.
    pub rows: Vec<(String, UserId)>,
}

/// What is odd about an email address, as it is stored.
pub fn anomaly_of_email(stored: &str) -> Option<AnomalyKind> {
    let is_ours = EmailAddress::parse(stored)
        .is_ok_and(|address| address.as_str().eq_ignore_ascii_case(stored));
    (!is_ours).then_some(AnomalyKind::ForeignEmail)
}

/// What is odd about a phone number, as it is stored.
pub fn anomaly_of_phone(stored: &str) -> Option<AnomalyKind> {
    if !is_e164(stored) {
        return Some(AnomalyKind::ForeignPhone);
    }
    let is_ours = PhoneNumber::parse(stored).is_ok_and(|number| number.as_str() == stored);
    (!is_ours).then_some(AnomalyKind::UnassignedPhone)
}

/// Those of the rows that are odd because they are stored in another spelling, by which several users are meant.
///
/// # Errors
/// The store's.
///
/// # Cancel safety
/// It only reads.
pub async fn shared_spellings(
    store: &dyn UserStore,
    anomalies: &[Anomaly],
) -> Result<Vec<Anomaly>, StoreError> {
    let mut shared = Vec::new();
    for anomaly in anomalies {
        for (stored, user) in &anomaly.rows {
            let name = match anomaly.kind {
                AnomalyKind::ForeignEmail => AccountName {
                    email: EmailSpellings::read(stored),
                    ..AccountName::default()
                },
                AnomalyKind::ForeignPhone => AccountName {
                    phone: PhoneSpellings::named(stored),
                    ..AccountName::default()
                },
                _ => continue,
            };
            match store.find_user(&name).await {
                Err(error) if error.kind() == StoreErrorKind::Ambiguous => shared.push(Anomaly {
                    kind: AnomalyKind::SharedEmail,
                    rows: vec![(stored.clone(), *user)],
                }),
                found => drop(found?),
            }
        }
    }
    Ok(shared)
}

/// Finds what cannot be served. A store whose tables are only its own has nothing to find.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// It only reads.
#[async_trait]
pub trait AnomalyStore: Send + Sync {
    /// All that is odd, by kind and then by what is stored. Reads every row: for an operator, not for a
    /// request.
    async fn anomalies(&self) -> Result<Vec<Anomaly>, StoreError>;
}
