//! What is said above the content of a page.

use std::borrow::Cow;

use serde::Serialize;

use http::Uri;
use phone_auth_core::address::AddressKind;
use phone_auth_urls::AccountPage;

use crate::next;

/// A box above the content of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    /// `good`, `info` or `error`.
    pub(crate) tone: &'static str,
    pub(crate) text: &'static str,
    pub(crate) detail: Cow<'static, str>,
}

/// Why a redirect has led to a page. The query of an address names one, so that anyone can; the sentences are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Someone has signed up and logs in now.
    SignedUp,
    /// Someone has signed up, is logged in, and has been sent what verifies their addresses.
    Welcome,
    /// What verifies an address of this kind has been sent.
    Sent(AddressKind),
    /// The address has just been verified by its code.
    Confirmed(AddressKind),
    /// The address is verified already.
    Verified(AddressKind),
    /// An address of this kind has just been added, which is not verified yet.
    Added(AddressKind),
    /// The address has just been removed.
    Removed(AddressKind),
    /// Another address, which was verified already, has taken the place of one of this kind.
    Changed(AddressKind),
    /// An address of this kind stays that another was to take the place of.
    Kept(AddressKind),
    /// The primary email address is another now.
    Primary,
    /// Someone has sent a form after their session had ended.
    SignedOut,
    /// The browser did not send the cookie of the session that had just begun.
    NoCookies,
    /// This site needs a verified address of its users.
    NoneVerified,
    /// The page that was wanted needs a verified address of this kind.
    Unverified(AddressKind),
    /// Someone has signed in whose account was to be closed.
    KeptAccount,
    /// A session of the user is over.
    EndedSession,
    /// All sessions of the user but this one are over.
    EndedOthers,
    /// Someone has shown an address of an account whose password was set before it was.
    NewPassword,
}

impl Reason {
    const ALL: [Self; 26] = [
        Self::SignedUp,
        Self::SignedOut,
        Self::NoCookies,
        Self::NoneVerified,
        Self::Unverified(AddressKind::Email),
        Self::Unverified(AddressKind::Phone),
        Self::Welcome,
        Self::Sent(AddressKind::Email),
        Self::Sent(AddressKind::Phone),
        Self::Confirmed(AddressKind::Email),
        Self::Confirmed(AddressKind::Phone),
        Self::Verified(AddressKind::Email),
        Self::Verified(AddressKind::Phone),
        Self::Added(AddressKind::Email),
        Self::Added(AddressKind::Phone),
        Self::Removed(AddressKind::Email),
        Self::Removed(AddressKind::Phone),
        Self::Changed(AddressKind::Email),
        Self::Changed(AddressKind::Phone),
        Self::Kept(AddressKind::Email),
        Self::Kept(AddressKind::Phone),
        Self::Primary,
        Self::KeptAccount,
        Self::EndedSession,
        Self::EndedOthers,
        Self::NewPassword,
    ];

    /// The name of the query's field.
    pub(crate) const FIELD: &'static str = "notice";

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "signed-up",
            Self::SignedOut => "signed-out",
            Self::Welcome => "welcome",
            Self::Sent(AddressKind::Email) => "email-sent",
            Self::Sent(AddressKind::Phone) => "phone-sent",
            Self::Confirmed(AddressKind::Email) => "email-confirmed",
            Self::Confirmed(AddressKind::Phone) => "phone-confirmed",
            Self::Verified(AddressKind::Email) => "email-verified",
            Self::Verified(AddressKind::Phone) => "phone-verified",
            Self::Added(AddressKind::Email) => "email-added",
            Self::Added(AddressKind::Phone) => "phone-added",
            Self::Removed(AddressKind::Email) => "email-removed",
            Self::Removed(AddressKind::Phone) => "phone-removed",
            Self::Changed(AddressKind::Email) => "email-changed",
            Self::Changed(AddressKind::Phone) => "phone-changed",
            Self::Kept(AddressKind::Email) => "email-kept",
            Self::Kept(AddressKind::Phone) => "phone-kept",
            Self::Primary => "primary",
            Self::NoCookies => "cookies",
            Self::NoneVerified => "verify-one",
            Self::Unverified(AddressKind::Email) => "verify-email",
            Self::Unverified(AddressKind::Phone) => "verify-phone",
            Self::KeptAccount => "account-kept",
            Self::EndedSession => "session-ended",
            Self::EndedOthers => "others-ended",
            Self::NewPassword => "new-password",
        }
    }

    /// The reason that a query names, if there is one of this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Why someone was led to this page: nothing for a reason that leads to another page.
    pub(crate) fn of(uri: &Uri, page: AccountPage) -> Option<Self> {
        let reason = Self::named(&next::in_query(uri, Self::FIELD)?)?;
        (reason.page() == page).then_some(reason)
    }

    /// The page that it leads to.
    const fn page(self) -> AccountPage {
        match self {
            Self::SignedUp | Self::SignedOut | Self::NoCookies => AccountPage::Login,
            Self::NoneVerified
            | Self::Unverified(_)
            | Self::Welcome
            | Self::Sent(_)
            | Self::Confirmed(_)
            | Self::Added(_)
            | Self::Removed(_)
            | Self::Changed(_)
            | Self::Kept(_)
            | Self::Primary
            | Self::KeptAccount
            | Self::Verified(_) => AccountPage::EmailVerification,
            Self::EndedSession | Self::EndedOthers => AccountPage::Sessions,
            Self::NewPassword => AccountPage::PasswordResetConfirm,
        }
    }

    #[expect(clippy::too_many_lines, reason = "it is a table")]
    pub(crate) const fn notice(self) -> Notice {
        match self {
            Self::SignedUp => Notice {
                tone: "good",
                text: "Your account is ready",
                detail: Cow::Borrowed("Sign in with what you have just chosen."),
            },
            Self::Welcome => Notice {
                tone: "good",
                text: "Your account is ready",
                detail: Cow::Borrowed(
                    "You are signed in. We sent a message to each address below. To confirm the address, type the code in the message. If it has a link, you can open that instead.",
                ),
            },
            Self::Sent(AddressKind::Email) => Notice {
                tone: "good",
                text: "We sent a message to your email address",
                detail: Cow::Borrowed(SENT),
            },
            Self::Sent(AddressKind::Phone) => Notice {
                tone: "good",
                text: "We sent a message to your phone",
                detail: Cow::Borrowed(SENT),
            },
            Self::Confirmed(AddressKind::Email) => Notice {
                tone: "good",
                text: "Your email address is confirmed",
                detail: Cow::Borrowed(""),
            },
            Self::Confirmed(AddressKind::Phone) => Notice {
                tone: "good",
                text: "Your phone number is confirmed",
                detail: Cow::Borrowed(""),
            },
            Self::Verified(kind) => Notice {
                tone: "good",
                text: already_verified(kind),
                detail: Cow::Borrowed(""),
            },
            Self::Added(kind) => Notice {
                tone: "good",
                text: match kind {
                    AddressKind::Email => "The email address was added",
                    AddressKind::Phone => "The phone number was added",
                },
                detail: Cow::Borrowed(
                    "It is not verified yet. Choose Verify beside it, and we send you a code.",
                ),
            },
            Self::Removed(AddressKind::Email) => Notice {
                tone: "good",
                text: "The email address was removed",
                detail: Cow::Borrowed(""),
            },
            Self::Removed(AddressKind::Phone) => Notice {
                tone: "good",
                text: "The phone number was removed",
                detail: Cow::Borrowed(""),
            },
            Self::Changed(AddressKind::Email) => Notice {
                tone: "good",
                text: "Your email address was changed",
                detail: Cow::Borrowed(""),
            },
            Self::Changed(AddressKind::Phone) => Notice {
                tone: "good",
                text: "Your phone number was changed",
                detail: Cow::Borrowed(""),
            },
            Self::Kept(kind) => Notice {
                tone: "good",
                text: match kind {
                    AddressKind::Email => "Your email address stays",
                    AddressKind::Phone => "Your phone number stays",
                },
                detail: Cow::Borrowed(
                    "The other one stays in your account until you remove it. If you didn’t add it, remove it and change your password.",
                ),
            },
            Self::Primary => Notice {
                tone: "good",
                text: "Your primary email address was changed",
                detail: Cow::Borrowed(""),
            },
            Self::SignedOut => Notice {
                tone: "info",
                text: "You have been signed out",
                detail: Cow::Borrowed(
                    "What you sent has changed nothing. Sign in, then try again.",
                ),
            },
            Self::NoCookies => Notice {
                tone: "error",
                text: "Your browser blocks cookies",
                detail: Cow::Borrowed(
                    "Signing in needs a cookie. Allow cookies for this site, then sign in again.",
                ),
            },
            Self::NoneVerified => Notice {
                tone: "info",
                text: "Please verify an address first",
                detail: Cow::Borrowed(
                    "Choose Verify below, and follow the message that we send you. Then you can go on.",
                ),
            },
            Self::KeptAccount => Notice {
                tone: "good",
                text: "Your account is not closed",
                detail: Cow::Borrowed("You signed in again, so it stays as it was."),
            },
            Self::EndedSession => Notice {
                tone: "good",
                text: "That device is signed out",
                detail: Cow::Borrowed(""),
            },
            Self::EndedOthers => Notice {
                tone: "good",
                text: "You are signed out on all other devices",
                detail: Cow::Borrowed(""),
            },
            Self::NewPassword => Notice {
                tone: "info",
                text: "Choose a new password before you sign in",
                detail: Cow::Borrowed(
                    "A password was set for this account before your address was confirmed, maybe by someone else. It ends with the new one, and so does every sign-in with it.",
                ),
            },
            Self::Unverified(AddressKind::Email) => Notice {
                tone: "info",
                text: "Confirm your email address first",
                detail: Cow::Borrowed(
                    "The page you asked for is for users with a verified email address. Choose Verify below, and follow the message that we send you.",
                ),
            },
            Self::Unverified(AddressKind::Phone) => Notice {
                tone: "info",
                text: "Confirm your phone number first",
                detail: Cow::Borrowed(
                    "The page you asked for is for users with a verified phone number. Choose Verify below, and follow the message that we send you.",
                ),
            },
        }
    }
}

const SENT: &str = "Type the code in the message. If it has a link, you can open that instead. Both work for a limited time.";

pub(crate) const fn already_verified(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Email => "Your email address is already verified",
        AddressKind::Phone => "Your phone number is already verified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_reasons() {
        for reason in Reason::ALL {
            assert_eq!(Reason::named(reason.name()), Some(reason));
            let uri = Uri::try_from(format!("/?notice={}", reason.name())).unwrap_or_default();
            for page in AccountPage::ALL {
                let shown = Reason::of(&uri, page);
                assert_eq!(shown, (reason.page() == page).then_some(reason));
            }
        }
        for name in ["", "signed_up", "<b>", "SIGNED-UP"] {
            assert_eq!(Reason::named(name), None, "{name}");
        }
    }
}
