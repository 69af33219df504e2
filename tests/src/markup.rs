//! Cutting HTML into tags and text: as much as the site's own pages need, and no more.

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// `<name attribute="value">`.
    Open(Tag),
    /// `</name>`.
    Close(String),
    /// Text between tags, entities decoded.
    Text(String),
}

/// An opening tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute; an attribute without a value has an empty one.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the element has no content (HTML, 13.1.2).
    pub(crate) fn is_void(&self) -> bool {
        [
            "br", "hr", "img", "input", "link", "meta", "wbr", "path", "use",
        ]
        .contains(&self.name.as_str())
    }
}

/// Cuts a page into pieces. Comments are dropped.
pub(crate) fn cut(html: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        push_text(&mut pieces, text);
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (inside, after) = inside_of_tag(tag.strip_prefix('<').unwrap_or_default());
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            pieces.push(Piece::Close(name.trim().to_ascii_lowercase()));
        } else if !inside.starts_with('!') {
            pieces.push(Piece::Open(read_tag(inside)));
        }
    }
    push_text(&mut pieces, rest);
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(decode(text)));
    }
}

/// Splits at the `>` that ends the tag, which may not stand inside quotes.
fn inside_of_tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return (text.split_at(at).0, text.split_at(at + 1).1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    (text, "")
}

fn read_tag(inside: &str) -> Tag {
    let inside = inside.trim_end_matches('/');
    let (name, mut rest) = inside
        .split_once(char::is_whitespace)
        .unwrap_or((inside, ""));
    let mut tag = Tag {
        name: name.to_ascii_lowercase(),
        attributes: Vec::new(),
    };
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return tag;
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let value;
        (value, rest) = match after.strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(given) => match given.chars().next() {
                Some(quote @ ('"' | '\'')) => given
                    .strip_prefix(quote)
                    .and_then(|it| it.split_once(quote))
                    .unwrap_or_default(),
                _ => given.split_once(char::is_whitespace).unwrap_or((given, "")),
            },
        };
        tag.attributes
            .push((name.to_ascii_lowercase(), decode(value)));
    }
}

/// Replaces the entities that templates write.
pub(crate) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = after
            .split_once(';')
            .and_then(|(name, after)| Some((entity(name)?, after)));
        if let Some((c, after)) = entity {
            decoded.push(c);
            rest = after;
        } else {
            decoded.push('&');
            rest = after;
        }
    }
    decoded + rest
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "hellip" => '…',
        "rarr" => '→',
        "larr" => '←',
        "middot" => '·',
        "ndash" => '–',
        "mdash" => '—',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_text_are_cut() {
        let pieces = cut(
            r#"<!doctype html><p class=a id='b'>x &lt; <!-- <b> --><input disabled value="&quot;>"></p>"#,
        );
        let names: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Open(tag) => format!("<{}", tag.name),
                Piece::Close(name) => format!("/{name}"),
                Piece::Text(text) => text.clone(),
            })
            .collect();
        assert_eq!(names, ["<p", "x < ", "<input", "/p"]);
        let Some(Piece::Open(input)) = pieces.get(2) else {
            panic!("the third piece is the input")
        };
        assert_eq!(input.attribute("value"), Some("\">"));
        assert_eq!(input.attribute("disabled"), Some(""));
        assert_eq!(input.attribute("id"), None);
    }

    #[test]
    fn entities_are_decoded() {
        assert_eq!(decode("a &amp; b &#x27;c&#39; &no &;"), "a & b 'c' &no &;");
    }
}
