//! Browsers and systems in words, from what a client says of itself.
//!
//! A small table of our own: a name is for the owner of a session to recognise, and nothing depends on it. Anyone can
//! write any `User-Agent`, so what is shown are the words of the table and never those of the client.

use std::fmt;

/// How many bytes of a `User-Agent` are looked at. Those of browsers are shorter.
const LOOKED_AT: usize = 512;

/// The longest name that a store gives back.
const MAX_NAME: usize = 64;

/// What tells browsers, those first that also say that they are another.
const BROWSERS: [(&str, &str); 22] = [
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("Instagram ", "Instagram"),
    ("EdgiOS/", "Edge"),
    ("EdgA/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
    ("Safari/", "Safari"),
];

/// What tells systems, those first that also say that they are another.
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// A browser and its system, such as `Firefox on Android`.
///
/// # Examples
/// ```
/// use phone_auth_core::client::BrowserName;
///
/// let firefox = "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0";
/// let name = BrowserName::read(firefox).ok_or("unknown")?;
/// assert_eq!(name.as_str(), "Firefox on Android");
/// assert_eq!(BrowserName::read("curl/8.5.0"), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserName(String);

impl BrowserName {
    /// Reads a `User-Agent`; `None` where it names no browser and no system that is known.
    pub fn read(user_agent: &str) -> Option<Self> {
        let is_browser = ["Mozilla/", "Opera/"];
        if !is_browser.iter().any(|it| user_agent.starts_with(it)) {
            return None;
        }
        let end = user_agent.floor_char_boundary(LOOKED_AT);
        let said = user_agent.get(..end)?;
        let named = |table: &[(&str, &'static str)]| {
            let mut table = table.iter();
            let found = table.find(|(sign, _)| said.contains(sign));
            found.map(|(_, name)| *name)
        };
        Some(Self(match (named(&BROWSERS), named(&SYSTEMS)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            (None, Some(system)) => format!("Browser on {system}"),
            (None, None) => return None,
        }))
    }

    /// A name read back from a store; `None` for one that the table cannot have given.
    pub fn from_stored(text: &str) -> Option<Self> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ';
        let is_name = !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(is_word);
        is_name.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BrowserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named() {
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        const IOS: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let cases = [
            (
                "(Windows NT 10.0; Win64; x64) {w} Chrome/131.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "(Macintosh; Intel Mac OS X 10_15_7) {w} Chrome/131.0.0.0 Safari/537.36",
                "Chrome on Mac",
            ),
            (
                "(X11; Linux x86_64) {w} Chrome/131.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "(Linux; Android 10; K) {w} Chrome/131.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "(X11; CrOS x86_64 14541.0.0) {w} Chrome/131.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "(iPhone; CPU iPhone OS 18_1 like Mac OS X) {i} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "(Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox on Windows",
            ),
            (
                "(Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox on Mac",
            ),
            (
                "(X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox on Linux",
            ),
            (
                "(Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
                "Firefox on Android",
            ),
            (
                "(iPhone; CPU iPhone OS 18_1 like Mac OS X) {i} FxiOS/132.0 Mobile/15E148 Safari/605.1.15",
                "Firefox on iPhone",
            ),
            (
                "(Macintosh; Intel Mac OS X 10_15_7) {i} Version/18.1 Safari/605.1.15",
                "Safari on Mac",
            ),
            (
                "(iPhone; CPU iPhone OS 18_1 like Mac OS X) {i} Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "(iPad; CPU OS 16_7 like Mac OS X) {i} Version/16.6 Mobile/15E148 Safari/604.1",
                "Safari on iPad",
            ),
            (
                "(Windows NT 10.0; Win64; x64) {w} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51",
                "Edge on Windows",
            ),
            (
                "(Linux; Android 10; HD1913) {w} Chrome/130.0.6723.102 Mobile Safari/537.36 EdgA/130.0.2849.68",
                "Edge on Android",
            ),
            (
                "(Windows NT 10.0; Win64; x64) {w} Chrome/131.0.0.0 Safari/537.36 OPR/115.0.0.0",
                "Opera on Windows",
            ),
            (
                "(Linux; Android 14; SAMSUNG SM-S918B) {w} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "(Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                "Internet Explorer on Windows",
            ),
            (
                "(iPhone; CPU iPhone OS 17_5 like Mac OS X) {i} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0.0.38.106]",
                "Facebook on iPhone",
            ),
            (
                "(Linux; Android 13; Pixel 7 Build/TQ3A; wv) Something/1.0",
                "Browser on Android",
            ),
        ];
        for (rest, name) in cases {
            let rest = rest.replace("{w}", WEBKIT).replace("{i}", IOS);
            let read = BrowserName::read(&format!("Mozilla/5.0 {rest}"));
            assert_eq!(read.as_ref().map(BrowserName::as_str), Some(name), "{rest}");
            assert_eq!(BrowserName::from_stored(name), read, "{name}");
        }
        let old = BrowserName::read("Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18");
        assert_eq!(
            old.as_ref().map(BrowserName::as_str),
            Some("Opera on Windows")
        );
    }

    #[test]
    fn first_512_bytes_are_looked_at() {
        let said = |before: usize| format!("Mozilla/5.0 {}Firefox/1.0", " ".repeat(before));
        let begins = "Mozilla/5.0 ".len();
        let ends = begins + "Firefox/".len();
        for (before, is_named) in [(512 - ends, true), (513 - ends, false)] {
            let name = BrowserName::read(&said(before));
            assert_eq!(name.is_some(), is_named, "{before}");
        }
    }

    #[test]
    fn rubbish_has_no_name() {
        let long = format!("Mozilla/5.0 {}Firefox/1.0", "é".repeat(100_000));
        for said in [
            "",
            "Mozilla/5.0",
            "Firefox on Android",
            "curl/8.5.0",
            "Windows",
            "<script>alert(1)</script> Mozilla/5.0 Firefox/132.0",
            "Mozilla/5.0 <b>Acme</b>",
            "mozilla/5.0 firefox/132.0",
            "Mozilla/5.0 \u{202e}xoferiF",
            "\0Mozilla/5.0 (X11) Firefox/132.0",
            &long,
        ] {
            assert_eq!(BrowserName::read(said), None, "{said:.60?}");
        }
        let mixed = BrowserName::read("Mozilla/5.0 (X11; <script>) Firefox/\"'><b>");
        assert_eq!(
            mixed.as_ref().map(BrowserName::as_str),
            Some("Firefox on Linux"),
            "the words are ours"
        );
        for stored in ["", "<b>Firefox</b>", "Firefox\non Linux", &"x".repeat(65)] {
            assert_eq!(BrowserName::from_stored(stored), None, "{stored:?}");
        }
    }
}
