//! How much a password is like something that others know of a user.

/// From this share of common characters on, a password is too similar.
const TOO_SIMILAR: (usize, usize) = (7, 10);

/// The longest text that is compared. Attributes are shorter; a password that is longer is refused
/// for that.
const MAX_CHARS: usize = 300;

/// Whether a password is too similar to a text or to a part of it.
///
/// Both are taken in lower case, the text as a whole and each of its runs of letters and digits. The
/// measure is the share of characters that two texts have in common, whatever their order: twice the
/// common ones by all characters of both. From 0.7 on it is too much. That is what Django's
/// `UserAttributeSimilarityValidator` computes (`quick_ratio` of Python's difflib), so nothing that
/// django-phone-auth refuses for this reason passes here.
pub(super) fn is_similar(password: &str, text: &str) -> bool {
    let password = sorted(password);
    let parts = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .chain([text]);
    parts
        .filter(|part| !part.is_empty())
        .any(|part| reaches(&password, &sorted(part)))
}

fn reaches(one: &[char], other: &[char]) -> bool {
    let all = one.len() + other.len();
    2 * common(one, other) * TOO_SIMILAR.1 >= all * TOO_SIMILAR.0
}

/// How many characters two sorted texts have in common, each counted as often as both have it.
fn common(one: &[char], other: &[char]) -> usize {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut count = 0;
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => {
                one.next();
            }
            std::cmp::Ordering::Greater => {
                other.next();
            }
            std::cmp::Ordering::Equal => {
                count += 1;
                one.next();
                other.next();
            }
        }
    }
    count
}

fn sorted(text: &str) -> Vec<char> {
    let lower = text.chars().flat_map(char::to_lowercase);
    let mut chars: Vec<char> = lower.take(MAX_CHARS).collect();
    chars.sort_unstable();
    chars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_texts_are_similar() {
        for (password, text) in [
            ("annsmith1", "AnnSmith"),
            ("Example1", "ann@example.org"),
            ("htimsnna", "annsmith"),
            ("a9876543210", "+919876543210"),
            ("müller99", "Müller-Lüdenscheid"),
        ] {
            assert!(is_similar(password, text), "{password} {text}");
        }
    }

    #[test]
    fn seven_tenths_are_similar() {
        for (password, is) in [("abcdefgXYZ", true), ("abcdefWXYZ", false)] {
            assert_eq!(is_similar(password, "abcdefghij"), is, "{password}");
        }
    }

    #[test]
    fn distant_texts_are_not() {
        for (password, text) in [
            ("correct horse", "Ann"),
            ("correct horse", ""),
            ("annual-report", "ann"),
            ("9-bicycles-fly", "+919876543210"),
        ] {
            assert!(!is_similar(password, text), "{password} {text}");
        }
    }
}
