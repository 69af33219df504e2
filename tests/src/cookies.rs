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

    /// The part of the site that it is for.
    pub fn path(&self) -> &str {
        self.attribute("path").unwrap_or("/")
    }

    /// Whether it goes with a request to `path` (RFC 6265, 5.1.4).
    fn is_for(&self, path: &str) -> bool {
        let own = self.path();
        let path = path.split('?').next().unwrap_or_default();
        path.strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || own.ends_with('/') || rest.starts_with('/'))
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
    /// Takes what an answer sets. A cookie is known by its name and path (RFC 6265, 5.3).
    pub(crate) fn take(&mut self, cookie: Cookie) {
        self.0
            .retain(|own| own.name != cookie.name || own.path() != cookie.path());
        if !cookie.is_removal() {
            self.0.push(cookie);
        }
    }

    /// The Cookie header for a request to `path`, if there is anything to send.
    pub(crate) fn header(&self, path: &str) -> Option<String> {
        let mut cookies: Vec<&Cookie> = self.0.iter().filter(|own| own.is_for(path)).collect();
        // Longer paths first (RFC 6265, 5.4).
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path().len()));
        let pairs: Vec<String> = cookies
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_to_their_path() {
        let mut jar = Jar::default();
        for header in [
            "a=1; Path=/",
            "a=2; Path=/x/",
            "b=3; Path=/x",
            "c=4; Path=/; Max-Age=0",
        ] {
            jar.take(Cookie::parse(header).unwrap());
        }
        assert_eq!(jar.header("/x/y?z").as_deref(), Some("a=2; b=3; a=1"));
        assert_eq!(jar.header("/xy").as_deref(), Some("a=1"));
    }

    #[test]
    fn attributes_are_read() {
        let cookie = Cookie::parse("a=b=c; HttpOnly; Max-Age=5");
        let cookie = cookie.as_ref();
        assert_eq!(cookie.map(|cookie| cookie.value.as_str()), Some("b=c"));
        assert_eq!(
            cookie.and_then(|cookie| cookie.attribute("httponly")),
            Some("")
        );
        assert_eq!(cookie.and_then(|cookie| cookie.attribute("secure")), None);
    }
}
