//! Secrets that everybody knows: shipped in projects, printed in manuals, left as placeholders.
//!
//! The list is not complete and cannot be. It holds what is found in the wild most often, and the key
//! that django-phone-auth ships, because those who come from there may bring it along.

use zeroize::Zeroizing;

/// Keys that stand in public, exactly so.
const KEYS: [&str; 5] = [
    // The settings that django-phone-auth ships.
    "n@8D*&MS38$*%S4t_YtQyLUew&*&m_zn8$*F@",
    // FastAPI's tutorial on tokens.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    // jwt.io's example.
    "a-string-secret-at-least-256-bits-long",
    // Apache Superset's former default (CVE-2023-27524).
    "\u{2}\u{1}thisismyscretkey\u{1}\u{2}\\e\\y\\y\\h",
    // SHA-256 of nothing: what a script gives whose input was empty.
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// What a placeholder begins with, after everything but letters and digits is left out.
const BEGINNINGS: [&str; 11] = [
    "djangoinsecure",
    "secret",
    "mysecret",
    "topsecret",
    "default",
    "test",
    "todo",
    "fixme",
    "xxxx",
    "qwerty",
    "12345678",
];

/// What a placeholder contains. Each is long enough that a random key holds none by chance.
const PARTS: [&str; 24] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "replacewith",
    "yoursecret",
    "yourkey",
    "yourown",
    "your256bit",
    "yoursupersecret",
    "secretkey",
    "secrethere",
    "keyhere",
    "supersecret",
    "thisisasecret",
    "thisismys",
    "notasecret",
    "notsecure",
    "insecure",
    "placeholder",
    "donotuse",
    "keyboardcat",
    "correcthorsebattery",
];

/// Whether the text is known to the public or reads like a placeholder.
pub(crate) fn is_published(text: &str) -> bool {
    let plain: Zeroizing<String> = Zeroizing::new(
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect(),
    );
    KEYS.contains(&text)
        || BEGINNINGS.iter().any(|word| plain.starts_with(word))
        || PARTS.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_hides_nothing() {
        assert!(is_published("CHANGE-ME"));
        assert!(is_published("Change Me!"));
        assert!(is_published("x YOUR_OWN_RANDOM_GENERATED_SECRET_KEY"));
    }

    #[test]
    fn random_text_is_unknown() {
        assert!(!is_published("v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa"));
    }
}
