//! What must not be shown again, not even to the one who typed it: it would stand in the log of a supervisor.

/// What is said in place of what is not shown.
pub(crate) const HIDDEN: &str = "what was given";

/// Words beside which a secret stands, before an equals sign.
const WORDS: [&str; 6] = ["pass", "pwd", "secret", "token", "key", "auth"];

/// What may stand in the value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Nothing secret, unless someone mistook the setting for another.
    Open,
    /// A URL, perhaps with a password or a key in it.
    Url,
    /// A secret.
    Secret,
}

impl Secrecy {
    /// Whether such a value must not be shown, not even when it is wrong.
    pub(crate) fn hides(self, text: &str) -> bool {
        match self {
            Self::Open => may_hold_a_secret(text),
            // One that is wrong may have its parts anywhere.
            Self::Url => text.contains(['@', '=', '?', '%']) || text.matches(':').count() > 1,
            Self::Secret => true,
        }
    }
}

/// Whether a text may hold a secret: a URL, right or wrong, with another user's name and password in it, or a word for
/// a secret with a value.
pub(crate) fn may_hold_a_secret(text: &str) -> bool {
    let has_user = text
        .rsplit_once('@')
        .is_some_and(|(before, _)| before.contains(':'));
    let text = text.to_ascii_lowercase();
    has_user || (text.contains('=') && WORDS.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::{Secrecy, may_hold_a_secret};

    #[test]
    fn plain_places_alone_are_shown() {
        for (text, hides) in [
            ("postgres://db", false),
            ("mysql://db/site", false),
            ("sqlite://site.sqlite3", false),
            ("postgres://ann:s3cret", true),
            ("postgres:ann:s3cret/site", true),
            ("postgres://ann@db", true),
            ("https://sms.example/?s3cret", true),
        ] {
            assert_eq!(Secrecy::Url.hides(text), hides, "{text}");
        }
        assert!(Secrecy::Secret.hides("x") && !Secrecy::Open.hides("x"));
    }

    #[test]
    fn passwords_are_suspected_in_mistakes_too() {
        for (text, is) in [
            ("postgres://ann:s3cret@db/site", true),
            ("postgres:/ann:s3cret@db/site", true),
            ("postgres//ann:s3cret@db/site", true),
            ("ann:s3cret@db", true),
            ("postgres://ann:s3c@ret@db", true),
            ("postgres://db/site?user=ann&password=s3cret", true),
            ("https://sms.example/?API_KEY=s3cret", true),
            ("Authorization=s3cret", true),
            ("ann@example.org", false),
            ("sqlite://site.sqlite3", false),
            ("https://example.org/accounts/", false),
            ("secret_key_file", false),
            ("127.0.0.1:99999", false),
        ] {
            assert_eq!(may_hold_a_secret(text), is, "{text}");
        }
    }
}
