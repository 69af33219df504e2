//! The links that log a user in.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_events::{AccountChange, MessageSignal, RelativeUrl};
use phone_auth_tokens::{Purpose, Token};
use phone_auth_urls::AccountPage;

use super::{Checked, Links, STATE, micros, optional};
use crate::address::AddressKind;
use crate::link::LinkTarget;
use crate::outbox;
use crate::settings::Settings;

const LOG_IN_EMAIL: Purpose = Purpose::new("log-in-email");
const LOG_IN_PHONE: Purpose = Purpose::new("log-in-phone");

impl Links {
    /// A link that logs in the user whose address this is, and its token.
    pub(super) fn mint_log_in(
        &self,
        target: &LinkTarget,
        now: DateTime<Utc>,
    ) -> Option<(RelativeUrl, Option<Token>)> {
        let address = &target.address;
        let (purpose, _) = self.log_in(address.kind);
        let token = with_log_in_state(target, |state| self.tokens.issue(&purpose, now, state));
        let (id, text) = (address.id.get(), token.as_str());
        let url = self.routes.login_confirm(address.kind, id, text).ok()?;
        Some((url, Some(token)))
    }

    /// Whether a token logs in the user whose address this is.
    pub(crate) fn check_log_in(
        &self,
        target: &LinkTarget,
        token: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let kind = target.address.kind;
        let (purpose, lifetime) = self.log_in(kind);
        let checked = with_log_in_state(target, |state| {
            self.check_one_way(&purpose, token, now, lifetime, state)
        });
        if checked == Checked::Forged {
            self.refuse_log_in(kind, token, now);
        }
        // A link that was used has no request any more, and no token is made for none.
        checked == Checked::Genuine && target.newest.is_some()
    }

    /// Refuses a log-in token that is for no address, and tells the signals.
    pub(crate) fn refuse_log_in(&self, kind: AddressKind, token: &str, now: DateTime<Utc>) {
        let (purpose, lifetime) = self.log_in(kind);
        self.refuse(&purpose, token, now, lifetime);
    }

    /// The page that a security notice leads to, by what it tells. It has no token.
    #[expect(clippy::expect_used, reason = "the path of a page is a path")]
    pub(crate) fn page_of_notices(&self) -> impl Fn(&AccountChange) -> RelativeUrl {
        |change| {
            let path = self.routes.page(self.notices.page(change));
            RelativeUrl::new(path).expect("a route is a path")
        }
    }

    /// It lives no longer than the code beside it: it opens the account, and asks for nothing more.
    pub(super) fn log_in(&self, kind: AddressKind) -> (Purpose, Duration) {
        let lifetime = self.code_lifetime.to_std().unwrap_or_default();
        match kind {
            AddressKind::Email => (LOG_IN_EMAIL, lifetime),
            AddressKind::Phone => (LOG_IN_PHONE, lifetime),
        }
    }
}

/// The pages that security notices lead to.
pub(super) struct NoticePages {
    /// Where anyone may ask for a new password, or, where nobody has one, for a code. Where nobody sends resets there is no such
    /// page, but one to set another password for those who know theirs.
    changed: AccountPage,
    /// Where those sign in who wanted to sign up and have an account.
    tried: AccountPage,
}

impl NoticePages {
    pub(super) fn of(settings: &Settings, allow_unreceived: &[&str]) -> Self {
        let is_sent = |signal: &MessageSignal| {
            signal.purpose() == outbox::Purpose::ResetPassword
                && settings.sends(*signal)
                && !allow_unreceived.contains(&signal.name())
        };
        let (changed, tried) = if settings.sign_up_by_code {
            (AccountPage::LoginCode, AccountPage::LoginCode)
        } else if MessageSignal::ALL.iter().any(is_sent) {
            (AccountPage::PasswordReset, AccountPage::Login)
        } else {
            (AccountPage::ChangePassword, AccountPage::Login)
        };
        Self { changed, tried }
    }

    /// The page for a notice of this.
    pub(super) const fn page(&self, change: &AccountChange) -> AccountPage {
        match change {
            AccountChange::SignUpTried(_) => self.tried,
            _ => self.changed,
        }
    }
}

/// Of an address that is not verified, that is part of the state: such an account is for the taking by who has the address, one
/// whose address was verified and is not any more is no account that the message was sent for.
const UNVERIFIED: &[u8] = b"unverified";

/// What a log-in link is bound to: whose it is, their password, which row the address stands in, its text, whether it is
/// verified, and that no other was asked for or used. So a new password ends it.
pub(super) fn with_log_in_state<T>(target: &LinkTarget, act: impl FnOnce(&[&[u8]]) -> T) -> T {
    let (user, address) = (&target.user, &target.address);
    let user_id = user.id.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    let newest = target.newest.map(micros);
    let state = [
        STATE,
        &user_id,
        user.password.reveal().as_bytes(),
        &address_id,
        address.value.as_bytes(),
        optional(newest.as_ref()),
        UNVERIFIED,
    ];
    let parts = state.len() - usize::from(address.is_verified);
    act(state.get(..parts).unwrap_or(&state))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use phone_auth_events::Signals;
    use phone_auth_tokens::{Keyring, SecretKey};
    use phone_auth_urls::AccountRoutes;

    use super::*;
    use crate::address::{AddressId, AddressRecord};
    use crate::password::EncodedPassword;
    use crate::user::{User, UserId};

    fn target(newest: Option<DateTime<Utc>>) -> LinkTarget {
        LinkTarget {
            address: AddressRecord {
                id: AddressId::new(1),
                kind: AddressKind::Email,
                value: "ann@example.org".to_owned(),
                user: UserId::new(1),
                is_verified: true,
            },
            user: User {
                id: UserId::new(1),
                username: "ann".to_owned(),
                first_name: String::new(),
                last_name: String::new(),
                email: String::new(),
                password: EncodedPassword::new("!"),
                last_login: None,
                is_active: true,
                date_joined: DateTime::UNIX_EPOCH,
            },
            newest,
            code_at: None,
            in_session: false,
        }
    }

    /// A link that was used is no target of one any more, though a token be made for it.
    #[test]
    fn link_without_a_request_logs_nobody_in() {
        let key = SecretKey::generate().unwrap();
        let settings = (&Settings::default(), [].as_slice());
        let routes = AccountRoutes::new("/accounts/").unwrap();
        let links = Links::new(
            Keyring::new(key),
            routes,
            None,
            Signals::isolated(),
            settings,
        );
        let now = Utc::now();
        for newest in [None, Some(now)] {
            let target = target(newest);
            let (_, token) = links.mint_log_in(&target, now).unwrap();
            let is_right = links.check_log_in(&target, token.unwrap().as_str(), now);
            assert_eq!(is_right, newest.is_some());
        }
    }
}
