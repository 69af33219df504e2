//! What messages say, in the languages there are.
//!
//! The templates of three languages are compiled in; a folder replaces them one by one, or adds
//! languages. All are read and tried once, when a receiver is built. None of the shipped ones repeats
//! what anyone who asked for the message has typed: a name can be an advertisement.

mod compiled;
mod language;
mod loading;
mod words;

use std::path::Path;

use minijinja::value::Serde;
use minijinja::{Environment, Template};
use phone_auth_events::{AddressKind, CarriesTo, Message, Purpose, Retry, SiteOrigin, Undelivered};

use crate::BuildError;
pub use loading::unused_templates;
use words::Words;

/// The names of all templates that a language can have.
const NAMES: [&str; 20] = [
    "confirm_email.html",
    "confirm_email.subject.txt",
    "confirm_email.txt",
    "confirm_phone.txt",
    "login_email.html",
    "login_email.subject.txt",
    "login_email.txt",
    "login_phone.txt",
    "reset_password_email.html",
    "reset_password_email.subject.txt",
    "reset_password_email.txt",
    "reset_password_phone.txt",
    "security_notice_email.html",
    "security_notice_email.subject.txt",
    "security_notice_email.txt",
    "security_notice_phone.txt",
    "verify_email.html",
    "verify_email.subject.txt",
    "verify_email.txt",
    "verify_phone.txt",
];

/// The language that has all templates, whatever a folder adds.
const OWN_LANGUAGE: &str = "en";

/// The templates that a receiver needs.
#[derive(Clone, Copy)]
pub(crate) struct Needed {
    /// Those of messages that verify an address or reset a password. A language has all of them or none.
    pub(crate) links: &'static [&'static str],
    /// Those of messages that log in. A language that a folder adds may lack them, as one does that was made for a version
    /// without them; then they are in the default language, or in English.
    pub(crate) log_ins: &'static [&'static str],
    /// Those of messages with a code that confirms who a user is, of which the same is true.
    pub(crate) confirms: &'static [&'static str],
    /// Those of security notices, of which the same is true.
    pub(crate) notices: &'static [&'static str],
}

/// How the texts of a receiver are chosen.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) site: SiteOrigin,
    pub(crate) site_name: Option<String>,
    pub(crate) language: String,
    pub(crate) carries: CarriesTo,
}

impl Style {
    /// English, called as the site's host is.
    pub(crate) fn new(site: SiteOrigin) -> Self {
        Self {
            site,
            site_name: None,
            language: "en".to_owned(),
            carries: CarriesTo::default(),
        }
    }

    /// Everything that messages may say.
    #[cfg(feature = "sms-gateway")]
    fn all_carries(&self) -> impl Iterator<Item = phone_auth_events::Carries> {
        use phone_auth_events::Carries;

        let all = [Carries::Code, Carries::Link, Carries::Both];
        all.into_iter()
            .filter(|carries| self.carries.may_be(*carries))
    }

    fn site_name(&self) -> &str {
        let site = self.site.as_str();
        let host = site.split_once("://").map_or(site, |(_, host)| host);
        self.site_name.as_deref().unwrap_or(host)
    }

    /// The host of the site, without a port.
    fn host(&self) -> &str {
        let site = self.site.as_str();
        let host = site.split_once("://").map_or(site, |(_, host)| host);
        let without_port = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        without_port.map_or(host, |(host, _)| host)
    }
}

/// The engines that templates are rendered by. What a template of HTML includes is a part of HTML, whatever its own
/// name ends in, and is escaped; what a text includes is not.
pub(crate) struct Engines {
    html: Environment<'static>,
    text: Environment<'static>,
}

impl Engines {
    fn template(&self, name: &str) -> Result<Template<'_, '_>, minijinja::Error> {
        let engine = match name.rsplit_once('.') {
            Some((_, "html")) => &self.html,
            _ => &self.text,
        };
        engine.get_template(name)
    }
}

/// The texts of one receiver.
pub(crate) struct Texts {
    templates: Engines,
    languages: Vec<String>,
    /// Those that have messages that log in.
    log_in_languages: Vec<String>,
    /// Those that have messages which confirm who a user is.
    confirm_languages: Vec<String>,
    /// Those that have notices.
    notice_languages: Vec<String>,
    style: Style,
}

impl Texts {
    /// Reads the templates that a receiver needs, and tries each.
    ///
    /// # Errors
    /// `TemplateFolder`, `Template`, or `Language` when the default language has no texts.
    pub(crate) fn load(
        folder: Option<&Path>,
        style: Style,
        needed: Needed,
    ) -> Result<Self, BuildError> {
        let sources = loading::sources(folder)?;
        let languages = loading::languages(&sources, needed.links)?;
        let those_with = |needed| -> Result<Vec<String>, BuildError> {
            let mut with = loading::languages(&sources, needed)?;
            with.retain(|language| languages.contains(language));
            Ok(with)
        };
        let log_in_languages = those_with(needed.log_ins)?;
        let confirm_languages = those_with(needed.confirms)?;
        let notice_languages = those_with(needed.notices)?;
        let texts = Self {
            templates: loading::engines(&sources)?,
            languages,
            log_in_languages,
            confirm_languages,
            notice_languages,
            style,
        };
        texts.try_all(needed)?;
        Ok(texts)
    }

    /// What they say.
    #[cfg(feature = "sms-gateway")]
    pub(crate) const fn carries(&self) -> &CarriesTo {
        &self.style.carries
    }

    /// The texts of one message, in the user's language.
    pub(crate) fn of<'a>(&'a self, message: &'a dyn Message) -> Text<'a> {
        let asked = message.envelope().language.as_deref();
        let languages = match message.purpose() {
            Purpose::ResetPassword | Purpose::Verify => &self.languages,
            Purpose::LogIn => &self.log_in_languages,
            Purpose::Confirm => &self.confirm_languages,
            // An event is no message.
            Purpose::SecurityNotice | Purpose::Event => &self.notice_languages,
        };
        let default = if languages.contains(&self.style.language) {
            &self.style.language
        } else {
            OWN_LANGUAGE
        };
        let language = language::choose(asked, languages, default);
        Text {
            templates: &self.templates,
            name: name_of(message),
            words: Words::new(message, language, &self.style),
        }
    }
}

/// How the names of the templates of a message begin: as its signal is called, but where that has messages of two purposes.
fn name_of(message: &dyn Message) -> &'static str {
    let signal = message.message_signal();
    match (message.purpose(), signal.kind()) {
        (Purpose::Confirm, AddressKind::Email) => "confirm_email",
        (Purpose::Confirm, AddressKind::Phone) => "confirm_phone",
        _ => signal.name(),
    }
}

/// Whether these are the texts of messages that say a code and nothing else.
fn says_code_alone(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    file.starts_with("confirm_")
}

/// The texts of one message.
pub(crate) struct Text<'a> {
    templates: &'a Engines,
    /// How the names of its templates begin.
    name: &'static str,
    pub(crate) words: Words<'a>,
}

impl Text<'_> {
    /// The text in the template whose name ends so.
    ///
    /// # Errors
    /// When the template cannot be rendered with this message.
    pub(crate) fn render(&self, ending: &str) -> Result<String, Undelivered> {
        let name = format!("{}/{}{ending}", self.words.language, self.name);
        let template = self.templates.template(&name);
        // The error of the engine may quote values, and one of them is the link.
        template
            .and_then(|template| template.render(Serde(&self.words)))
            .map_err(|error| {
                let line = error.line().unwrap_or_default();
                let why = format!("the template {name} cannot be rendered (line {line})");
                Undelivered::new(Retry::Later, why).unsent()
            })
    }
}

/// Without the templates.
impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Texts")
            .field("languages", &self.languages)
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::{Duration, SystemTime};

    use phone_auth_events::{
        AccountChange, Envelope, LoginEmail, OneTimeCode, RelativeUrl, ResetPasswordEmail,
        SecurityNoticeEmail, User,
    };

    use super::*;

    const NEEDED: Needed = Needed {
        links: &["reset_password_email.html", "reset_password_email.txt"],
        log_ins: &[],
        confirms: &["confirm_email.html", "confirm_email.txt"],
        notices: &["security_notice_email.html", "security_notice_email.txt"],
    };

    fn texts() -> Texts {
        let style = Style::new(SiteOrigin::parse("https://example.org").unwrap());
        Texts::load(None, style, NEEDED).unwrap()
    }

    fn ann() -> (User, RelativeUrl, String) {
        let url = RelativeUrl::new("/accounts/page/").unwrap();
        let user = User::new(1, "ann", "", "");
        (user, url, "ann@example.org".to_owned())
    }

    /// A language of the site whose folder lacks a message says it in English.
    #[test]
    fn missing_message_is_in_english() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("it");
        std::fs::create_dir(&own).unwrap();
        for ending in ["html", "txt"] {
            let file = own.join(format!("reset_password_email.{ending}"));
            std::fs::write(file, "Ecco: {{ link }}").unwrap();
        }
        let mut style = Style::new(SiteOrigin::parse("https://example.org").unwrap());
        style.language = "it".to_owned();
        let texts = Texts::load(Some(folder.path()), style, NEEDED).unwrap();
        let (user, url, email) = ann();
        let reset = ResetPasswordEmail::new("test".into(), user, url, email);
        let text = texts.of(&reset).render(".txt").unwrap();
        assert!(text.starts_with("Ecco: https://example.org/"), "{text}");
        let (user, url, email) = ann();
        let change = AccountChange::PasswordChanged;
        let notice = SecurityNoticeEmail::new("test".into(), user, url, email, change);
        let text = texts.of(&notice).render(".txt").unwrap();
        assert!(text.contains("secure your account"), "{text}");
    }

    #[test]
    fn mail_says_how_long_its_code_works() {
        let texts = texts();
        for (language, link, code) in [
            (
                "en",
                "The link works for 24 hours",
                ", the code for 10 minutes.",
            ),
            (
                "de",
                "Der Link gilt 24 Stunden lang",
                ", der Code 10 Minuten.",
            ),
            (
                "fr",
                "Le lien est valable pendant 24 heures",
                ", le code pendant 10 minutes.",
            ),
        ] {
            let envelope = Envelope::new("k")
                .in_language(language)
                .working_for(Duration::from_hours(24));
            let until = SystemTime::now() + Duration::from_mins(10);
            let with_code = envelope
                .clone()
                .with_code(OneTimeCode::new("012345"), until);
            for (envelope, expected) in [
                (envelope, format!("{link}.")),
                (with_code, format!("{link}{code}")),
            ] {
                let (user, url, email) = ann();
                let message = ResetPasswordEmail::new("test".into(), user, url, email);
                let message = message.with_envelope(envelope);
                for ending in [".txt", ".html"] {
                    let text = texts.of(&message).render(ending).unwrap();
                    assert!(text.contains(&expected), "{text}");
                }
            }
        }
    }

    /// It says no link, whatever the others say: that leads to a page, and signs nobody in.
    #[test]
    fn code_that_confirms_is_said_alone() {
        let mut style = Style::new(SiteOrigin::parse("https://example.org").unwrap());
        style.carries = CarriesTo::all(phone_auth_events::Carries::Link);
        let texts = Texts::load(None, style, NEEDED).unwrap();
        let until = SystemTime::now() + Duration::from_mins(10);
        for (language, words) in [
            ("en", "confirm that it's you"),
            ("de", "dass Sie es sind"),
            ("fr", "que c’est bien vous"),
        ] {
            let envelope = Envelope::new("k").in_language(language).confirming();
            let envelope = envelope.with_code(OneTimeCode::new("012345"), until);
            let (user, url, email) = ann();
            let message = LoginEmail::new("test".into(), user, url, email);
            let message = message.with_envelope(envelope);
            for ending in [".txt", ".html"] {
                let text = texts.of(&message).render(ending).unwrap();
                assert!(text.contains("012345") && text.contains(words), "{text}");
                assert!(!text.contains("/accounts/"), "{text}");
            }
        }
    }

    /// A day begins and ends elsewhere at another time, and a time is another.
    #[test]
    fn end_of_an_account_says_by_which_clock() {
        let texts = texts();
        for language in ["en", "de", "fr"] {
            for due in ["2026-12-27", "2026-12-27 14:05"] {
                let (user, url, email) = ann();
                let change = AccountChange::ClosingScheduled(due.to_owned());
                let notice = SecurityNoticeEmail::new("test".into(), user, url, email, change);
                let notice = notice.with_envelope(Envelope::new("k").in_language(language));
                for ending in [".txt", ".html"] {
                    let text = texts.of(&notice).render(ending).unwrap();
                    assert!(text.contains(&format!("{due} (UTC)")), "{text}");
                }
            }
        }
    }

    /// Nobody can set a password of an account that is gone, nor by an address that is in it no more, and where someone only tried
    /// there is nothing to do.
    #[test]
    fn notice_has_a_link_where_it_helps() {
        let texts = texts();
        let address = || "ann@example.org".to_owned();
        let other = || "ann@home.example".to_owned();
        for language in ["en", "de", "fr"] {
            for (change, has_link, alarms) in [
                (AccountChange::AccountClosed, false, false),
                (AccountChange::PasswordChanged, true, true),
                (AccountChange::SignUpTried(address()), true, false),
                (AccountChange::AddingTried(address()), false, false),
                (AccountChange::AddressRemoved(address()), false, false),
                (AccountChange::AddressRemoved(other()), true, true),
            ] {
                let (user, url, email) = ann();
                let notice = SecurityNoticeEmail::new("test".into(), user, url, email, change);
                let notice = notice.with_envelope(Envelope::new("k").in_language(language));
                for ending in [".txt", ".html"] {
                    let text = texts.of(&notice).render(ending).unwrap();
                    assert_eq!(text.contains("accounts"), has_link, "{text}");
                    assert!(text.contains("example.org"), "{text}");
                    let words = ["secure your account", "sichern Sie", "sécurisez"];
                    let is_alarm = words.iter().any(|it| text.contains(it));
                    assert_eq!(is_alarm, alarms, "{text}");
                }
            }
        }
    }
}
