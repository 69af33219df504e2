//! Where to go after a log-in: accepts a path on this site and nothing else.

use std::borrow::Cow;

use crate::percent;

/// The longest `next` that is followed, in bytes. Longer ones do not come from a page of ours.
pub const MAX_NEXT_BYTES: usize = 2048;

/// Takes the `next` that a user brought, if it is a path on this site, and gives it in a form that
/// is safe in a `Location` header and as a link.
///
/// A log-in page that redirects wherever its query says lends its good name to phishing
/// (CWE-601; ASVS 5.0, 3.7.2). This function looks at the text only, never at the request's `Host`,
/// which the user chooses too. Callers use their default target when it gives `None`.
///
/// # What is accepted
///
/// A text of at most [`MAX_NEXT_BYTES`] bytes that, with *path* for everything before the first `?` or
/// `#`,
///
/// 1. begins with one `/` that is not followed by `/` or `\`, so that it has neither scheme nor host;
/// 2. has no control character anywhere: browsers drop tabs and line ends before they read a URL, and
///    a line end splits a header;
/// 3. has no `\` in its path, plain or encoded: browsers read it as `/`;
/// 4. has no `.` or `..` among the segments of its path, plain or encoded (`%2e`): browsers resolve
///    them, so that what is left may begin with `//`;
/// 5. has a first segment that does not begin with an encoded `/`, and no encoded control character in
///    its path: a proxy that decodes the path and redirects again would make `//` of it;
/// 6. has no broken percent-encoding in its path and none that is not UTF-8.
///
/// Leading blanks, `https:evil` and `javascript:…` fail the first rule.
///
/// # What comes back
///
/// The same text; characters that may not stand in a URL (RFC 3986: blanks, quotes, everything that
/// is not ASCII, …) are percent-encoded, as a browser would. Taking the result again gives the same
/// result.
///
/// # Examples
///
/// ```
/// use phone_auth_urls::local_path;
///
/// assert_eq!(local_path("/orders/?page=2").as_deref(), Some("/orders/?page=2"));
/// assert_eq!(local_path("/café/").as_deref(), Some("/caf%C3%A9/"));
///
/// for evil in ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)"] {
///     assert_eq!(local_path(evil), None);
/// }
/// ```
pub fn local_path(next: &str) -> Option<Cow<'_, str>> {
    let after_slash = next.strip_prefix('/')?;
    if next.len() > MAX_NEXT_BYTES
        || after_slash.starts_with(['/', '\\'])
        || next.contains(char::is_control)
    {
        return None;
    }
    let path = after_slash.split(['?', '#']).next()?;
    for (index, segment) in path.split('/').enumerate() {
        let segment = percent::decode(segment)?;
        if matches!(&*segment, "." | "..")
            || segment.contains('\\')
            || segment.contains(char::is_control)
            || (index == 0 && segment.starts_with('/'))
        {
            return None;
        }
    }
    Some(written(next))
}

/// The text with everything encoded that RFC 3986 does not let stand in a URL.
fn written(text: &str) -> Cow<'_, str> {
    if text.bytes().all(may_stand) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if may_stand(byte) {
            out.push(char::from(byte));
        } else {
            percent::push_encoded(byte, &mut out);
        }
    }
    Cow::Owned(out)
}

/// Unreserved and reserved characters and `%` (RFC 3986, section 2).
const fn may_stand(byte: u8) -> bool {
    percent::is_unreserved(byte)
        || matches!(
            byte,
            b'%' | b':'
                | b'/'
                | b'?'
                | b'#'
                | b'['
                | b']'
                | b'@'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}
