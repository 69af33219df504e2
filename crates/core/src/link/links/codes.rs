//! The codes beside links: bound to what the link is bound to, and to when a code was first asked for.

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_tokens::{CLOCK_SKEW, OneTimeCode, Purpose};

use super::log_in::with_log_in_state;
use super::{Links, LogIns, RESET_EMAIL, micros, with_reset_state, with_verification_state};
use crate::address::AddressKind;
use crate::link::LinkTarget;
use crate::outbox;

impl Links {
    /// The code of a message, and when it stops working; none where none was asked for, or it is over.
    pub(crate) fn code(
        &self,
        purpose: outbox::Purpose,
        target: &LinkTarget,
        now: DateTime<Utc>,
    ) -> Option<(OneTimeCode, DateTime<Utc>)> {
        let code_at = target.code_at?;
        let expires_at = code_at.checked_add_signed(self.code_lifetime)?;
        let derive = |purpose: &Purpose, state: &[&[u8]]| self.codes.derive(purpose, state);
        let code = self.with_code_state(purpose, target, code_at, derive);
        (now < expires_at).then_some((code, expires_at))
    }

    /// Whether this is the code that was sent to the target, and still works. The same work where there is none.
    pub(crate) fn is_code(
        &self,
        purpose: outbox::Purpose,
        target: &LinkTarget,
        typed: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let code_at = target.code_at.unwrap_or_default();
        let check = |purpose: &Purpose, state: &[&[u8]]| self.codes.check(purpose, typed, state);
        let is_right = self.with_code_state(purpose, target, code_at, check);
        // The clock of the server that sent it may be ahead of this one's.
        let age = now - code_at;
        let is_alive = age < self.code_lifetime && -age <= code_skew();
        is_right && target.code_at.is_some() && is_alive
    }

    /// The work of checking a code, for nobody.
    pub(crate) fn check_nothing(&self, typed: &str) {
        let state: [&[u8]; 9] = [b""; 9];
        let _ = self.codes.check(&RESET_EMAIL, typed, &state);
    }

    /// For how long the same code is sent again.
    pub(crate) fn code_half_life(&self) -> TimeDelta {
        self.code_lifetime / 2
    }

    /// What a code is bound to: what its link is, and since when it counts its age.
    fn with_code_state<T>(
        &self,
        purpose: outbox::Purpose,
        target: &LinkTarget,
        code_at: DateTime<Utc>,
        act: impl FnOnce(&Purpose, &[&[u8]]) -> T,
    ) -> T {
        let code_at = micros(code_at);
        let kind = target.address.kind;
        let with_time = |purpose: Purpose| {
            let code_at = &code_at;
            move |state: &[&[u8]]| {
                let state: Vec<&[u8]> = state.iter().copied().chain([code_at.as_slice()]).collect();
                act(&purpose, &state)
            }
        };
        match purpose {
            outbox::Purpose::ResetPassword => {
                let log_ins = LogIns::after(target.address.is_verified);
                with_reset_state(target, log_ins, with_time(self.reset(kind).0))
            }
            outbox::Purpose::LogIn => with_log_in_state(target, with_time(self.log_in(kind).0)),
            // What it confirms is what a log-in shows.
            outbox::Purpose::Confirm => with_log_in_state(target, with_time(confirming(kind))),
            // A notice or an event has no code; nobody asks for its state.
            outbox::Purpose::Verify | outbox::Purpose::SecurityNotice | outbox::Purpose::Event => {
                with_verification_state(target, with_time(self.verification(kind).0))
            }
        }
    }
}

/// A purpose of its own: a code that confirms who someone is logs nobody in, and one that logs in confirms nothing.
const fn confirming(kind: AddressKind) -> Purpose {
    match kind {
        AddressKind::Email => Purpose::new("confirm-email"),
        AddressKind::Phone => Purpose::new("confirm-phone"),
    }
}

/// By how much the clocks of two servers may differ.
fn code_skew() -> TimeDelta {
    TimeDelta::from_std(CLOCK_SKEW).unwrap_or_default()
}
