//! Cookies, as a client keeps them, with every attribute to look at.

/// A cookie as a Set-Cookie header gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its attributes, names in lower case; an attribute without a value has an empty one.
    pub attributes: Vec<(String, String)>,
}

impl Cookie {
    /// Reads a Set-Cookie header.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (name.trim().to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        Some(Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            attributes,
        })
    }

    /// The value of an attribute, if it is there.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the header takes the cookie away instead of giving one.
    pub fn is_removal(&self) -> bool {
        let expires = self
            .attribute("expires")
            .is_some_and(|date| date.contains("1970"));
        self.attribute("max-age")
            .map_or(expires, |age| age.parse::<i64>().is_ok_and(|age| age <= 0))
    }
}

/// What a client holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes what an answer sets.
    pub(crate) fn take(&mut self, cookie: Cookie) {
        self.0.retain(|own| own.name != cookie.name);
        if !cookie.is_removal() {
            self.0.push(cookie);
        }
    }

    /// The Cookie header, if there is anything to send.
    pub(crate) fn header(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The cookies held.
    pub(crate) fn all(&self) -> &[Cookie] {
        &self.0
    }

    /// Forgets a cookie.
    pub(crate) fn forget(&mut self, name: &str) {
        self.0.retain(|own| own.name != name);
    }
}
