//! The addresses of a user as the page of all of them shows them, and which are to take the place of which.

use phone_auth_core::accounts::{CurrentUser, Failure, PendingReplacement};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_urls::AccountPage;
use serde::Serialize;

use super::named_address::KIND;
use crate::next;
use crate::request_context::RequestContext;

/// The most addresses of each kind on the page. Nobody can add so many; another program may have.
const MAX_SHOWN: usize = 50;

/// An address as the template sees it.
#[derive(Serialize)]
pub(super) struct AddressView<'a> {
    id: i64,
    value: &'a str,
    is_verified: bool,
    is_primary: bool,
    /// The one that takes its place once that is verified.
    replaced_by: Option<ReplacedBy<'a>>,
    /// The one whose place it takes then.
    replaces: Option<&'a str>,
}

/// The address that is to take the place of another, and where that one is kept.
#[derive(Serialize)]
struct ReplacedBy<'a> {
    id: i64,
    value: &'a str,
    action: String,
}

/// The addresses of a user, and which of them are to take the place of which.
pub(super) struct Own {
    pub(super) records: Vec<AddressRecord>,
    pending: Vec<PendingReplacement>,
}

impl Own {
    pub(super) async fn of(
        context: &RequestContext,
        current_user: &CurrentUser,
    ) -> Result<Self, Failure> {
        let accounts = context.accounts();
        let records = accounts.addresses(current_user).await?;
        let mut pending = Vec::new();
        for kind in [AddressKind::Email, AddressKind::Phone] {
            pending.extend(accounts.pending_replacement(current_user, kind).await?);
        }
        Ok(Self { records, pending })
    }

    fn shown<'a>(&'a self, context: &RequestContext, record: &'a AddressRecord) -> AddressView<'a> {
        let is = |it: &AddressRecord| (it.kind, it.id) == (record.kind, record.id);
        let mut pending = self.pending.iter();
        let replaced_by = pending.clone().find(|it| is(&it.old)).map(|it| {
            let id = record.id.get().to_string();
            let fields = [(KIND, Some(record.kind.as_str())), ("pk", Some(&*id))];
            ReplacedBy {
                id: it.new.id.get(),
                value: &it.new.value,
                action: next::with(context.path(AccountPage::Address), &fields),
            }
        });
        AddressView {
            id: record.id.get(),
            value: &record.value,
            is_verified: record.is_verified,
            is_primary: false,
            replaced_by,
            replaces: pending.find(|it| is(&it.new)).map(|it| &*it.old.value),
        }
    }

    /// Those of a kind, as the template sees them.
    pub(super) fn of_kind(
        &self,
        context: &RequestContext,
        kind: AddressKind,
        primary: &str,
    ) -> Vec<AddressView<'_>> {
        let records = self.records.iter().filter(|record| record.kind == kind);
        records
            .take(MAX_SHOWN)
            .map(|record| AddressView {
                is_primary: kind == AddressKind::Email && record.value == primary,
                ..self.shown(context, record)
            })
            .collect()
    }

    /// Whether some of them are not shown.
    pub(super) fn has_more(&self) -> bool {
        let records = &self.records;
        [AddressKind::Email, AddressKind::Phone]
            .into_iter()
            .any(|kind| records.iter().filter(|it| it.kind == kind).count() > MAX_SHOWN)
    }
}
