//! The tags of a page, as templates write them: no parser of HTML, but enough of one to read forms.

/// A tag and the text after it.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    /// In small letters, with a slash in front of it where it ends an element.
    pub(crate) name: String,
    attributes: Vec<(String, &'a str)>,
    /// Up to the next tag.
    pub(crate) text: &'a str,
}

impl Tag<'_> {
    /// The value of an attribute, which is empty if only its name is there.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(own, _)| own == name);
        found.map(|(_, value)| plain(value))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(own, _)| own == name)
    }
}

/// The tags of a page in their order, without those in comments, scripts and text fields.
pub(crate) fn tags_of(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        rest = match after.strip_prefix("!--") {
            Some(comment) => comment.split_once("-->").map_or("", |(_, after)| after),
            None => {
                let (tag, after) = tag_in(after);
                tags.push(tag);
                after
            }
        };
    }
    tags
}

/// The tag that begins after `<`, and what comes after its text.
fn tag_in(html: &str) -> (Tag<'_>, &str) {
    let is_end = |c: char| c.is_whitespace() || c == '>' || c == '/';
    // The first may be the slash of an end.
    let begun = html.strip_prefix('/').unwrap_or(html);
    let slash = html.len() - begun.len();
    let length = slash + begun.find(is_end).unwrap_or(begun.len());
    let (name, mut rest) = html.split_at_checked(length).unwrap_or((html, ""));
    let name = name.to_ascii_lowercase();
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(text) = rest.strip_prefix('>') {
            rest = text;
            break;
        }
        if rest.is_empty() {
            break;
        }
        let (own, value, after) = attribute_in(rest);
        attributes.push((own, value));
        rest = after;
    }
    let text = match name.as_str() {
        "script" | "style" | "textarea" | "title" => {
            let end = format!("</{name}");
            let lower = rest.to_ascii_lowercase();
            let length = lower.find(&end).unwrap_or(rest.len());
            rest.get(..length).unwrap_or(rest)
        }
        _ => rest.split('<').next().unwrap_or_default(),
    };
    let after = rest.get(text.len()..).unwrap_or_default();
    let tag = Tag {
        name,
        attributes,
        text,
    };
    (tag, after)
}

/// The name and the value of an attribute, and what comes after it.
fn attribute_in(html: &str) -> (String, &str, &str) {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/');
    // A name may begin with an equals sign, so that one is read in any case.
    let first = html.chars().next().map_or(0, char::len_utf8);
    let others = html.get(first..).unwrap_or_default();
    let length = first + others.find(is_end).unwrap_or(others.len());
    let (name, after) = html.split_at_checked(length).unwrap_or((html, ""));
    let name = name.to_ascii_lowercase();
    let Some(value) = after.trim_start().strip_prefix('=') else {
        return (name, "", after);
    };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
            return (name, value, after);
        }
    }
    let end = value.find(|c: char| c.is_whitespace() || c == '>');
    let (value, after) = value
        .split_at_checked(end.unwrap_or(value.len()))
        .unwrap_or((value, ""));
    (name, value, after)
}

/// The text that HTML means. Of the references with a name, those that authors of templates write are known.
pub(crate) fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let found = after.split_once(';');
        match found.and_then(|(name, after)| Some((referred(name)?, after))) {
            Some((meant, after)) => {
                text.push(meant);
                rest = after;
            }
            None => {
                text.push('&');
                rest = after;
            }
        }
    }
    text + rest
}

/// The character that a reference means.
fn referred(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "amp" => Some('&'),
            "nbsp" => Some('\u{a0}'),
            _ => None,
        };
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(number) => u32::from_str_radix(number, 16),
        None => number.parse(),
    };
    let code = code.ok()?;
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}
