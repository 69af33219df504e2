//! A code that a browser waits for, which verifies an address: at the page of the addresses.

use http::HeaderMap;
use phone_auth_core::accounts::{Failure, PendingCode};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::form::Field;
use phone_auth_core::outbox::{Channel, Purpose};
use phone_auth_urls::AccountPage;
use serde::Serialize;

use super::named_address::{KIND, named, named_kind};
use crate::code::{self, ResendView};
use crate::form::{FieldView, FormView};
use crate::next;
use crate::notice::Reason;
use crate::request_context::RequestContext;

/// The field of the query with the address of which a code is waited for.
pub(super) const WAITS_FOR: &str = "code";

/// A form for a code, as the template sees it.
#[derive(Serialize)]
pub(super) struct Waiting {
    method: &'static str,
    pk: i64,
    /// Where the code was sent.
    address: String,
    form: FormView,
    resend: Option<ResendView>,
}

impl Waiting {
    pub(super) fn new(
        kind: AddressKind,
        id: AddressId,
        adjust: impl FnOnce(FormView) -> FormView,
    ) -> Self {
        Self {
            method: kind.as_str(),
            pk: id.get(),
            address: String::new(),
            form: adjust(FormView::new(vec![FieldView::code()])),
            resend: None,
        }
    }

    /// The form with what is wrong with its code.
    pub(super) fn refused(kind: AddressKind, id: AddressId, problem: &str) -> Self {
        Self::new(kind, id, |form| form.problem(Field::Code, problem))
    }

    /// The same with its address, if that is one of these.
    pub(super) fn among(self, records: &[AddressRecord]) -> Option<Self> {
        let is_it = |it: &&AddressRecord| it.kind.as_str() == self.method && it.id.get() == self.pk;
        let address = records.iter().find(is_it)?.value.clone();
        Some(Self { address, ..self })
    }

    /// Of which address a code is waited for, as the query says.
    pub(super) fn named(context: &RequestContext) -> Option<(AddressKind, AddressId)> {
        let reason = Reason::of(context.uri(), AccountPage::EmailVerification);
        let id = next::in_query(context.uri(), WAITS_FOR)?;
        let kind = match reason? {
            Reason::Sent(kind) => kind,
            Reason::Welcome => named_kind(&next::in_query(context.uri(), KIND)?)?,
            _ => return None,
        };
        named(kind.as_str(), &id)
    }

    /// Whether this browser waits for it.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.resend.is_some()
    }

    /// The same with when another code can be sent, if this browser waits for one.
    pub(super) async fn with_resend(
        self,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> Result<Self, Failure> {
        let pending = self.pending(context, headers).await?;
        Ok(self.for_pending(context, pending))
    }

    /// The same with what this browser waits for, and when another code can be sent.
    pub(super) fn for_pending(
        self,
        context: &RequestContext,
        pending: Option<PendingCode>,
    ) -> Self {
        let resend =
            pending.map(|pending| ResendView::of(&pending, None).by(self.channels(context)));
        Self { resend, ..self }
    }

    /// By what another can be sent.
    fn channels<'a>(&self, context: &'a RequestContext) -> &'a [Channel] {
        if self.method == AddressKind::Phone.as_str() {
            &context.accounts().settings().phone_channels
        } else {
            &[]
        }
    }

    /// The code of this address, if the browser has sent the key for it; the key of no other code counts.
    async fn pending(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> Result<Option<PendingCode>, Failure> {
        let Some((user, kind)) = context.current_user().zip(named_kind(self.method)) else {
            return Ok(None);
        };
        let (accounts, id) = (context.accounts(), AddressId::new(self.pk));
        let sent = code::sent(context, headers, Purpose::Verify);
        let own = sent
            .as_slice()
            .iter()
            .find(|it| accounts.is_key_of_address(&it.key, user, kind, id));
        match own {
            Some(own) => accounts.pending_code(&own.key, Purpose::Verify).await,
            None => Ok(None),
        }
    }
}
