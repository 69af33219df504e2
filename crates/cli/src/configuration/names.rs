//! The names of settings: which is meant, which is misspelt, and which is another user's.

use std::ffi::OsStr;
use std::net::IpAddr;

use super::setting::Setting;
use super::source::PREFIX;
use super::table::SETTINGS;

/// Settings that had another name, which none of today's is like.
const RENAMED: [(&str, &str); 1] = [("switched_off_receivers", "disabled_receivers")];

/// What the tests of this project read: whoever runs them may have it set, and the program beside them.
const OF_TESTS: [&str; 2] = ["bin", "vectors"];

/// Whether a variable is one of the tests of this project.
pub(super) fn is_of_tests(name: &str) -> bool {
    OF_TESTS.contains(&name)
}

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The setting of the variable with this name, in small letters and without the prefix.
pub(super) fn of_variable(name: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.in_variable() == name)
}

/// Whether there are settings in a section of this name.
pub(super) fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

fn sections() -> impl Iterator<Item = &'static str> {
    let names = SETTINGS.iter().map(|setting| setting.name);
    names.filter_map(|name| Some(name.split_once('.')?.0))
}

/// The setting whose name someone probably meant, as the name of a variable without the prefix: one that differs by a
/// few letters, or by words that are missing, too many or cut short. `config` is among them, which names the file of settings.
pub(super) fn nearest(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase().replace('.', "_");
    if let Some((_, now)) = RENAMED.iter().find(|(before, _)| *before == name) {
        return Some((*now).to_owned());
    }
    let similar = known()
        .map(|known| (strsim::damerau_levenshtein(&known, &name), known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(6))
        .min_by_key(|(distance, _)| *distance);
    let words: Vec<_> = name.split('_').collect();
    let has_words_of = |known: &String| {
        let of_known: Vec<_> = known.split('_').collect();
        let (few, many) = if words.len() < of_known.len() {
            (&words, &of_known)
        } else {
            (&of_known, &words)
        };
        let is_in_many = |word: &&str| many.iter().any(|other| is_same_word(word, other));
        few.iter().all(is_in_many)
    };
    let begins = |known: &String| name.len() >= 6 && known.starts_with(&name);
    let distance = |known: &String| strsim::damerau_levenshtein(known, &name);
    similar
        .map(|(_, known)| known)
        .or_else(|| known().filter(has_words_of).min_by_key(distance))
        .or_else(|| known().find(begins))
        .or_else(|| {
            known()
                .filter(|known| shortens(&name, known))
                .min_by_key(String::len)
        })
}

/// The section of a file that is meant by a name with one slip in it.
pub(super) fn nearest_section(name: &str) -> Option<&'static str> {
    let is_meant = |known: &&str| known.len() > 3 && strsim::damerau_levenshtein(known, name) == 1;
    sections().find(is_meant)
}

/// Whether a name is the first word of another without some of its letters: `db` and `database`.
fn shortens(name: &str, known: &str) -> bool {
    let word = known.split('_').next().unwrap_or_default();
    let mut letters = word.chars();
    let is_in_order = name
        .chars()
        .all(|letter| letters.any(|other| other == letter));
    name.len() > 1 && is_in_order && name.chars().next() == known.chars().next()
}

/// The setting that a variable names but for case, hyphens and underscores, our prefix included: as the name of a variable
/// without the prefix. `config` is among them.
pub(super) fn of_misspelt_variable(name: &str) -> Option<String> {
    let letters = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let typed = letters(name);
    let rest = typed.strip_prefix(&letters(PREFIX))?;
    known().find(|known| letters(known) == rest)
}

/// The names of all variables, in small letters and without the prefix.
fn known() -> impl Iterator<Item = String> {
    let settings = SETTINGS.iter().map(Setting::in_variable);
    settings.chain(["config".to_owned()])
}

/// Whether two words are one, perhaps cut short: `host` and `hostname`.
fn is_same_word(one: &str, other: &str) -> bool {
    let shorter = one.len().min(other.len());
    one == other || (shorter >= 4 && (one.starts_with(other) || other.starts_with(one)))
}

/// Whether Kubernetes sets a variable, for a service whose name begins with `phone-auth`: `…_SERVICE_HOST=10.0.0.1`,
/// `…_PORT=tcp://10.0.0.1:8000`, `…_PORT_8000_TCP_ADDR=10.0.0.1` and their like. A name of that kind with another value is
/// somebody's mistake.
pub(super) fn is_of_kubernetes(name: &str, value: &OsStr) -> bool {
    let Some(value) = value.to_str() else {
        return false;
    };
    let protocols = ["tcp", "udp", "sctp"];
    let is_protocol = |text: &str| protocols.contains(&text.to_ascii_lowercase().as_str());
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let is_url = |text: &str| {
        text.split_once("://")
            .is_some_and(|(protocol, _)| is_protocol(protocol))
    };
    let ends = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    let of_port = || {
        let (_, rest) = name.rsplit_once("port_")?;
        let mut parts = rest.splitn(3, '_');
        let is_known = is_port(parts.next()?) && is_protocol(parts.next()?);
        let fits = match parts.next() {
            None => is_url(value),
            Some("addr") => is_address(value),
            Some("port") => is_port(value),
            Some("proto") => is_protocol(value),
            Some(_) => false,
        };
        Some(is_known && fits)
    };
    (ends("service_host") && is_address(value))
        || ((ends("service_port") || name.contains("service_port_")) && is_port(value))
        || (ends("port") && is_url(value))
        || of_port() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn misspelt_names_are_recognised() {
        for (typed, meant) in [
            ("login_redirect_uri", Some("login_redirect_url")),
            ("LOGIN_REDIRECT_URL", Some("login_redirect_url")),
            ("secret_key", Some("secret_key_file")),
            ("adr", Some("addr")),
            ("smtp_pasword", Some("smtp_password")),
            ("smtp.hosts", Some("smtp_host")),
            ("config_file", Some("config")),
            ("confg", Some("config")),
            ("database_url", Some("database")),
            ("database_uri", Some("database")),
            ("development_mode", Some("development")),
            ("smtp_server_host", Some("smtp_host")),
            ("template", Some("templates")),
            ("authentication", Some("authentication_methods")),
            ("port", Some("smtp_port")),
            ("switched_off_receivers", Some("disabled_receivers")),
            ("unreceived", Some("allow_unreceived")),
            ("db", Some("database")),
            ("dev", Some("development")),
            ("stmp", None),
            ("service_host", None),
            ("bin", None),
            ("image_tag", None),
        ] {
            assert_eq!(nearest(typed).as_deref(), meant, "{typed}");
        }
    }
}
