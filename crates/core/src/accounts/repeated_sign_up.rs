//! A sign-up form that is sent twice, by a double click: the second is answered as the first.

use chrono::TimeDelta;
use phone_auth_events::Limit;

use super::limits::Asking;
use super::sign_up_form::{Draft, SignUpForm};
use super::{Accounts, Failure};
use crate::address::{Claiming, EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings};
use crate::form::Problems;
use crate::password::{Requester, Verdict};
use crate::store::StoreErrorKind;
use crate::user::{AccountName, User};
use crate::username::Username;

/// For how long the same form may come again and get the answer of the first.
pub(super) const REPEAT_WITHIN: TimeDelta = TimeDelta::minutes(1);

impl Accounts {
    /// The user whom a form has made that was sent a moment ago, when this is the same form again: none of a form that
    /// was not sent before, or is another. For a caller whose users are logged in as soon as they have signed up.
    ///
    /// # Errors
    /// As for [`sign_up`](Self::sign_up), less what it refuses. It counts among the sign-ups of the client's network: it may
    /// check a password.
    ///
    /// # Cancel safety
    /// It only reads, and counts.
    pub async fn repeated_sign_up(&self, form: SignUpForm<'_>) -> Result<Option<User>, Failure> {
        let form = self.without_hidden(form);
        let requester = Requester::signing_up(&self.client);
        let asking = Asking {
            flow: "sign_up",
            user: None,
            is_stranger: false,
        };
        let counters = self.counters();
        let counters = counters.network(Limit::SignUps, self.client.network());
        self.count(&asking, counters).await?;
        self.signed_up_just_now(&form, &requester).await
    }

    /// The user whom the same form has made within the last minute, by a double click, say. The form must be the same in
    /// every field, and the password too, so that nobody learns anything who has not filled it in.
    pub(super) async fn signed_up_just_now(
        &self,
        form: &SignUpForm<'_>,
        requester: &Requester,
    ) -> Result<Option<User>, Failure> {
        let draft = self.read_form(form, &[], &mut Problems::default());
        for name in self.names_of_form(&draft) {
            let found = match self.store().find_user_for(&name, requester).await {
                Err(error) if error.kind() == StoreErrorKind::Ambiguous => continue,
                found => found?,
            };
            let Some(user) = found.map(|found| found.user) else {
                continue;
            };
            if self.is_made_by(&user, form, &draft, requester).await? {
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    /// By what the user is found whom a form has made.
    fn names_of_form(&self, draft: &Draft<'_>) -> Vec<AccountName> {
        if self.claiming_at_sign_up() != Claiming::Never {
            let by_username = |username: Username| AccountName {
                username: Some(username.as_str().to_owned()),
                ..AccountName::default()
            };
            return self.usernames_of_form(draft).map(by_username).into();
        }
        let username = draft.username.as_ref();
        vec![AccountName {
            phone: draft.phone.as_ref().map(PhoneSpellings::from),
            email: draft.email.as_ref().map(EmailSpellings::from),
            username: username.map(|name| name.as_str().to_owned()),
        }]
    }

    /// Whether a user is the one whom this form has made a moment ago.
    async fn is_made_by(
        &self,
        user: &User,
        form: &SignUpForm<'_>,
        draft: &Draft<'_>,
        requester: &Requester,
    ) -> Result<bool, Failure> {
        let age = (self.now() - user.date_joined).abs();
        let is_same = user.is_active
            && age <= REPEAT_WITHIN
            && user.first_name == draft.first_name
            && user.last_name == draft.last_name
            && (draft.username.as_ref()).is_none_or(|name| name.as_str() == user.username);
        if !is_same {
            return Ok(false);
        }
        let wanted = [
            draft.email.as_ref().map(EmailAddress::as_str),
            draft.phone.as_ref().map(PhoneNumber::as_str),
        ];
        let has = self.some_addresses_of(user.id).await?;
        let has: Vec<&str> = has.iter().map(|address| address.value.as_str()).collect();
        let wanted: Vec<&str> = wanted.into_iter().flatten().collect();
        if has != wanted {
            return Ok(false);
        }
        // Nothing counts it as a failure: it is one of the sign-ups of its network, whatever becomes of it. So nothing is to be
        // recorded where nobody waits for it any more.
        let verdict = self
            .hasher()
            .verify(&form.password, &user.password, requester);
        Ok(verdict.await? != Verdict::NoMatch)
    }
}
