//! How many text messages a text is sent, and paid for, as.

use std::collections::BTreeMap;

use crate::texts::{Needed, Texts};

/// A link as long as they come: of a site with some million users, whose pages are where they usually are.
const LINK: &str =
    "/accounts/password_reset_confirm/MTIzNDU2Nw/toxjx0-0123456789abcdef0123456789abcdef-p1234567/";

/// The page that notices lead to, where it usually is.
const LINK_OF_NOTICES: &str = "/accounts/password_reset/";

/// The letters of the default alphabet (3GPP TS 23.038, 6.2.1), without those of its extension.
const GSM_7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// What stands in its extension, and takes the room of two.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How many segments a text takes: of 160 letters, or of 153 where there are several; of 70 or 67 where one of them is
/// not in the default alphabet.
pub(super) fn segments(text: &str) -> usize {
    let room = |letter: char| match letter {
        _ if GSM_7.contains(letter) => Some(1),
        _ if EXTENSION.contains(letter) => Some(2),
        _ => None,
    };
    let letters: Option<usize> = text.chars().map(room).sum();
    let (length, alone, of_several) = match letters {
        Some(length) => (length, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    if length <= alone {
        1
    } else {
        length.div_ceil(of_several)
    }
}

/// The texts that take more than one segment, by the names of their templates.
pub(super) fn long_texts(texts: &Texts, needed: Needed) -> Vec<(String, usize)> {
    let mut longest = BTreeMap::new();
    for (name, text) in texts.samples(needed, LINK, LINK_OF_NOTICES) {
        let most: &mut usize = longest.entry(name).or_default();
        *most = segments(text.trim()).max(*most);
    }
    longest.retain(|_, segments| *segments > 1);
    longest.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::{Duration, SystemTime};

    use phone_auth_events::{
        AccountChange, Envelope, LoginPhone, Message, OneTimeCode, RelativeUrl, ResetPasswordPhone,
        SecurityNoticePhone, SiteOrigin, User, VerifyPhone,
    };

    use super::*;
    use crate::sms_gateway::TEMPLATES;
    use crate::texts::Style;
    use crate::{Carries, CarriesTo};

    /// A link to log in, as long as they come.
    const LOG_IN_LINK: &str =
        "/accounts/login_confirm/cGhvbmUxMjM0NTY3/toxjx0-0123456789abcdef0123456789abcdef/";

    #[test]
    fn segments_are_counted() {
        for (text, expected) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("é".repeat(160), 1),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("{}".repeat(40), 1),
            ("{}".repeat(41), 2),
            ("ê".repeat(70), 1),
            ("ê".repeat(71), 2),
            ("\u{1F511}".repeat(35), 1),
            ("\u{1F511}".repeat(36), 2),
            (format!("{}ê", "a".repeat(70)), 2),
            ("ê".repeat(135), 3),
        ] {
            assert_eq!(segments(&text), expected, "{text}");
        }
    }

    /// With a host of 25 letters, some million users, and any lifetime that is said in minutes.
    #[test]
    fn shipped_texts_are_one_segment() {
        let site = SiteOrigin::parse("https://accounts.example-site.org").unwrap();
        assert_eq!(site.as_str().len(), "https://".len() + 25);
        let style = Style {
            carries: CarriesTo::all(Carries::Code),
            ..Style::new(site)
        };
        let texts = Texts::load(None, style, TEMPLATES).unwrap();
        assert_eq!(long_texts(&texts, TEMPLATES), []);
        let user = || User::new(1, "ann", "Ann", "Lee");
        let tag = "0123456789abcdef0123456789abcdef";
        let verify = "/accounts/user_verification_confirm/cGhvbmUxMjM0NTY3/toxjx0-";
        let verify = RelativeUrl::new(format!("{verify}{tag}/")).unwrap();
        for minutes in [10, 119, 120, 20_160] {
            for language in ["de", "en", "fr"] {
                let envelope = Envelope::new("k")
                    .in_language(language)
                    .working_for(Duration::from_mins(minutes));
                let phone = || "+41446681800".to_owned();
                let verify = VerifyPhone::new("test".into(), user(), verify.clone(), phone());
                let reset = RelativeUrl::new(LINK).unwrap();
                let reset = ResetPasswordPhone::new("test".into(), user(), reset, phone());
                let verify = verify.with_envelope(envelope.clone());
                let reset = reset.with_envelope(envelope.clone());
                let until = SystemTime::now() + Duration::from_mins(10);
                let with_code = |envelope: &Envelope| {
                    envelope
                        .clone()
                        .with_code(OneTimeCode::new("012345"), until)
                };
                let verify_code = verify.clone().with_envelope(with_code(&verify.envelope));
                let reset_code = reset.clone().with_envelope(with_code(&reset.envelope));
                let log_in = RelativeUrl::new(LOG_IN_LINK).unwrap();
                let log_in = LoginPhone::new("test".into(), user(), log_in, phone())
                    .with_envelope(envelope.clone());
                let log_in_code = log_in.clone().with_envelope(with_code(&log_in.envelope));
                let page = RelativeUrl::new(LINK_OF_NOTICES).unwrap();
                let change = AccountChange::PrimaryChanged("ann@example.org".to_owned());
                let due = AccountChange::ClosingScheduled("2026-12-27 14:05".to_owned());
                let [notice, closing] = [change, due].map(|change| {
                    let (page, phone) = (page.clone(), phone());
                    SecurityNoticePhone::new("test".into(), user(), page, phone, change)
                        .with_envelope(Envelope::new("k").in_language(language))
                });
                for message in [
                    &verify as &dyn Message,
                    &reset,
                    &verify_code,
                    &reset_code,
                    &log_in,
                    &log_in_code,
                    &notice,
                    &closing,
                ] {
                    let text = texts.of(message).render(".txt").unwrap();
                    let text = text.trim();
                    assert_eq!(segments(text), 1, "{}: {text}", text.len());
                    // What telephones fill in: the last line, and nothing else in it (WICG, Origin-bound one-time codes).
                    let last = text.lines().last().unwrap();
                    let is_code = last == "@accounts.example-site.org #012345";
                    assert_eq!(is_code, message.code().is_some(), "{text}");
                    assert_eq!(
                        text.contains("https://"),
                        message.code().is_none(),
                        "{text}"
                    );
                }
            }
        }
    }

    /// What telephones fill in: the origin and the code of a message, as the grammar reads them (WICG, Origin-bound one-time codes
    /// delivered via SMS, 3.2): two tokens without white space in the last line, with one space between them. Whatever follows
    /// after that is ignored, and so must not be there.
    fn origin_bound(text: &str) -> Option<(String, &str)> {
        let last = text.rsplit('\n').next()?;
        let token = |text: &'_ str| !text.is_empty() && !text.contains(char::is_whitespace);
        let (host, code) = last.strip_prefix('@')?.split_once(" #")?;
        // The origin has no port: with one the host is none.
        let is_host = token(host) && url::Host::parse(host).is_ok();
        (is_host && token(code)).then(|| (host.to_owned(), code))
    }

    /// Also where the text has a link, and where the site has a port: the origin of a code has none, and is compared by its site.
    #[test]
    fn last_line_is_what_telephones_read() {
        let until = SystemTime::now() + Duration::from_mins(10);
        for (site, host) in [
            ("https://accounts.example.org", "accounts.example.org"),
            ("https://accounts.example.org:8443", "accounts.example.org"),
            ("http://127.0.0.1:8000", "127.0.0.1"),
            ("http://[::1]:8000", "[::1]"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            for (carries, has_link) in [(Carries::Code, false), (Carries::Both, true)] {
                let style = Style {
                    carries: CarriesTo::all(carries),
                    ..Style::new(SiteOrigin::parse(site).unwrap())
                };
                let texts = Texts::load(None, style, TEMPLATES).unwrap();
                for language in ["de", "en", "fr"] {
                    let envelope = Envelope::new("k")
                        .in_language(language)
                        .working_for(Duration::from_mins(10))
                        .with_code(OneTimeCode::new("012345"), until);
                    let user = || User::new(1, "ann", "Ann", "Lee");
                    let link = || RelativeUrl::new(LINK).unwrap();
                    let phone = || "+41446681800".to_owned();
                    let verify = VerifyPhone::new("test".into(), user(), link(), phone());
                    let reset = ResetPasswordPhone::new("test".into(), user(), link(), phone());
                    let log_in = LoginPhone::new("test".into(), user(), link(), phone());
                    for message in [
                        &verify.with_envelope(envelope.clone()) as &dyn Message,
                        &reset.with_envelope(envelope.clone()),
                        &log_in.with_envelope(envelope.clone()),
                    ] {
                        let text = texts.of(message).render(".txt").unwrap();
                        let text = text.trim();
                        let read = origin_bound(text);
                        assert_eq!(read, Some((host.to_owned(), "012345")), "{text}");
                        let link = format!("{site}{LINK}");
                        assert_eq!(text.contains(&link), has_link, "{text}");
                    }
                }
            }
        }
    }

    /// Of several prefixes the longest counts, and all that can be said is looked at for its length.
    #[test]
    fn texts_say_what_their_country_takes() {
        let by = [("+1", Carries::Both), ("+1212", Carries::Link)];
        let style = Style {
            carries: by
                .into_iter()
                .fold(CarriesTo::all(Carries::Code), |all, (prefix, it)| {
                    all.by_prefix(prefix, it)
                }),
            ..Style::new(SiteOrigin::parse("https://example.org").unwrap())
        };
        let texts = Texts::load(None, style, TEMPLATES).unwrap();
        let until = SystemTime::now() + Duration::from_mins(10);
        for (phone, has_code, has_link) in [
            ("+41446681800", true, false),
            ("+13105550123", true, true),
            ("+12125552368", false, true),
        ] {
            let url = RelativeUrl::new(LINK).unwrap();
            let user = User::new(1, "ann", "", "");
            let message = ResetPasswordPhone::new("test".into(), user, url, phone.to_owned());
            let envelope = Envelope::new("k").with_code(OneTimeCode::new("987654"), until);
            let text = texts.of(&message.with_envelope(envelope)).render(".txt");
            let text = text.unwrap();
            assert_eq!(text.contains("987654"), has_code, "{text}");
            assert_eq!(text.contains("https://"), has_link, "{text}");
        }
        let named = ("en/reset_password_phone.txt".to_owned(), 2);
        assert!(long_texts(&texts, TEMPLATES).contains(&named));
    }

    #[test]
    fn long_texts_are_named() {
        let site = format!("https://{}.example.org", "a".repeat(40));
        let style = Style {
            carries: CarriesTo::all(Carries::Link),
            ..Style::new(SiteOrigin::parse(&site).unwrap())
        };
        let texts = Texts::load(None, style, TEMPLATES).unwrap();
        let long = long_texts(&texts, TEMPLATES);
        let named = ("en/verify_phone.txt".to_owned(), 2);
        assert!(long.contains(&named), "{long:?}");
    }
}
