//! Which of the languages there are is nearest to the one that a user asked in.

/// The language that was asked for, else what is left of it when its last parts are taken away one by
/// one (RFC 4647, 3.4), else the default.
pub(super) fn choose<'a>(
    asked: Option<&str>,
    languages: &'a [String],
    default: &'a str,
) -> &'a str {
    let mut tag = asked.unwrap_or_default();
    while !tag.is_empty() {
        let found = languages.iter().find(|it| it.eq_ignore_ascii_case(tag));
        if let Some(found) = found {
            return found;
        }
        tag = tag.rsplit_once('-').map_or("", |(rest, _)| rest);
    }
    default
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_language_is_chosen() {
        let languages = ["de", "en", "fr", "pt-BR"].map(str::to_owned);
        for (asked, chosen) in [
            (None, "en"),
            (Some("de"), "de"),
            (Some("DE-at"), "de"),
            (Some("fr-Latn-CH"), "fr"),
            (Some("pt-br"), "pt-BR"),
            (Some("pt"), "en"),
            (Some("../de"), "en"),
            (Some("tlh"), "en"),
            (Some("-"), "en"),
            (Some(""), "en"),
        ] {
            assert_eq!(choose(asked, &languages, "en"), chosen, "{asked:?}");
        }
    }
}
