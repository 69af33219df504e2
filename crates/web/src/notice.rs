//! What is said above the content of a page.

use serde::Serialize;

use phone_auth_core::address::AddressKind;

/// A box above the content of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    /// `good`, `info` or `error`.
    pub(crate) tone: &'static str,
    pub(crate) text: &'static str,
    pub(crate) detail: &'static str,
}

/// Why a redirect has led to a page. The query of an address names one, so that anyone can; the sentences are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Someone has signed up and logs in now.
    SignedUp,
    /// Someone has sent a form after their session had ended.
    SignedOut,
    /// The browser did not send the cookie of the session that had just begun.
    NoCookies,
    /// The page that was wanted needs a verified address of this kind.
    Unverified(AddressKind),
}

impl Reason {
    const ALL: [Self; 5] = [
        Self::SignedUp,
        Self::SignedOut,
        Self::NoCookies,
        Self::Unverified(AddressKind::Email),
        Self::Unverified(AddressKind::Phone),
    ];

    /// The name of the query's field.
    pub(crate) const FIELD: &'static str = "notice";

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "signed-up",
            Self::SignedOut => "signed-out",
            Self::NoCookies => "cookies",
            Self::Unverified(AddressKind::Email) => "verify-email",
            Self::Unverified(AddressKind::Phone) => "verify-phone",
        }
    }

    /// The reason that a query names, if there is one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    pub(crate) const fn notice(self) -> Notice {
        match self {
            Self::SignedUp => Notice {
                tone: "good",
                text: "Your account is ready",
                detail: "Sign in with what you have just chosen.",
            },
            Self::SignedOut => Notice {
                tone: "info",
                text: "You have been signed out",
                detail: "What you sent has changed nothing. Sign in, then try again.",
            },
            Self::NoCookies => Notice {
                tone: "error",
                text: "Your browser blocks cookies",
                detail: "Signing in needs a cookie. Allow cookies for this site, then sign in again.",
            },
            Self::Unverified(AddressKind::Email) => Notice {
                tone: "info",
                text: "Confirm your email address first",
                detail: "The page you asked for is for users with a verified email address. Choose Verify below, and open the link in the message.",
            },
            Self::Unverified(AddressKind::Phone) => Notice {
                tone: "info",
                text: "Confirm your phone number first",
                detail: "The page you asked for is for users with a verified phone number. Choose Verify below, and open the link in the message.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_reasons() {
        for reason in Reason::ALL {
            assert_eq!(Reason::named(reason.name()), Some(reason));
        }
        for name in ["", "signed_up", "<b>", "SIGNED-UP"] {
            assert_eq!(Reason::named(name), None, "{name}");
        }
    }
}
