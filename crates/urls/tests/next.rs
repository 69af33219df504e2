//! What `local_path` follows and what it does not, with the `url` crate as the browser.

use phone_auth_urls::{MAX_NEXT_BYTES, local_path};
use proptest::prelude::*;
use url::Url;

#[test]
fn local_paths_are_taken() {
    for next in [
        "/",
        "/accounts/profile/",
        "/orders/?page=2&sort=-date",
        "/orders/#total",
        "/?next=//evil.example",
        "/?next=https://evil.example/",
        "/#//evil.example",
        "/a//b",
        "/a:b",
        "/@evil.example",
        "/;evil",
        "/files/a%2Fb",
        "/caf%C3%A9/",
        "/...",
        "/.well-known/change-password",
        "/?q=%0A%5C..",
    ] {
        assert_eq!(local_path(next).as_deref(), Some(next), "{next:?}");
    }
}

#[test]
fn odd_characters_are_encoded() {
    for (next, taken) in [
        ("/café/", "/caf%C3%A9/"),
        ("/a b", "/a%20b"),
        ("/a\"<>`{|}^b", "/a%22%3C%3E%60%7B%7C%7D%5Eb"),
        ("/?q=\\", "/?q=%5C"),
        ("/／evil.example", "/%EF%BC%8Fevil.example"),
        ("/\u{202e}", "/%E2%80%AE"),
    ] {
        assert_eq!(local_path(next).as_deref(), Some(taken), "{next:?}");
    }
}

#[test]
fn other_places_are_refused() {
    for next in [
        "",
        " ",
        "accounts/",
        "./accounts/",
        "?next=/",
        "#top",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/a\\b",
        "/a/\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https://evil.example/",
        "http:\\\\evil.example",
        "HTTPS://evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "mailto:ada@example.org",
        " //evil.example",
        " /accounts/",
        "\t/accounts/",
        "\n/accounts/",
        "\u{b}/accounts/",
        "\u{a0}/accounts/",
        "\u{feff}/accounts/",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "/\0/evil.example",
        "/a\r\nSet-Cookie: a=b",
        "/a?b\r\n",
        "/a\u{7f}",
        "/a\u{85}",
        "\t//evil.example",
        "/./",
        "/../",
        "/..",
        "/a/..//evil.example",
        "/.//evil.example",
        "/%2e//evil.example",
        "/%2E%2e//evil.example",
        "/.%2e//evil.example",
        "/%2Fevil.example",
        "/%2f%2fevil.example",
        "/%5Cevil.example",
        "/%5cevil.example",
        "/a%5Cb",
        "/%09/evil.example",
        "/%0d%0aSet-Cookie:a=b",
        "/%00",
        "/%",
        "/%zz",
        "/%ff",
        "/%c2%85",
    ] {
        assert_eq!(local_path(next), None, "{next:?}");
    }
}

#[test]
fn length_is_bounded() {
    let longest = format!("/{}", "a".repeat(MAX_NEXT_BYTES - 1));
    assert_eq!(local_path(&longest).as_deref(), Some(&*longest));
    assert_eq!(local_path(&format!("{longest}a")), None);
}

/// Where a browser on some page of the site ends up.
fn followed(next: &str) -> Option<Url> {
    Url::parse("https://site.example/accounts/login/")
        .and_then(|page| page.join(next))
        .ok()
}

#[track_caller]
fn stays(next: &str) -> bool {
    followed(next).is_some_and(|url| url.origin().ascii_serialization() == "https://site.example")
}

/// Undoes the percent-encoding of the path once, as a careless proxy would.
fn decoded(next: &str) -> String {
    let end = next.find(['?', '#']).unwrap_or(next.len());
    let (path, rest) = next.split_at(end);
    let mut bytes = Vec::new();
    let mut characters = path.bytes();
    while let Some(byte) = characters.next() {
        let pair: Vec<u8> = match byte {
            b'%' => characters.by_ref().take(2).collect(),
            _ => Vec::new(),
        };
        let value = core::str::from_utf8(&pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(value.unwrap_or(byte));
    }
    format!("{}{rest}", String::from_utf8_lossy(&bytes))
}

#[track_caller]
fn check(next: &str) -> Result<(), TestCaseError> {
    let Some(taken) = local_path(next) else {
        return Ok(());
    };
    prop_assert!(stays(next), "as typed");
    prop_assert!(stays(&taken), "as given back");
    prop_assert!(stays(&decoded(&taken)), "decoded");
    prop_assert!(taken.bytes().all(|byte| byte.is_ascii_graphic()));
    let again = local_path(&taken);
    prop_assert_eq!(again.as_deref(), Some(&*taken), "taken again");
    let url = followed(&taken).ok_or_else(|| TestCaseError::fail("no URL"))?;
    prop_assert!(!url.path().starts_with("//"), "path a browser sends");
    Ok(())
}

/// Pieces that parsers of URLs disagree about.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[/\\\\.:@?#%;&=a-z\t\r\n \0-]{1,3}",
        prop_oneof![
            Just("%2e"),
            Just("%2E"),
            Just("%2f"),
            Just("%5C"),
            Just("%09"),
            Just("%0a"),
            Just("%00"),
            Just("%25"),
            Just(".."),
            Just("//"),
            Just("/\\"),
            Just("https:"),
            Just("javascript:"),
            Just("evil.example"),
            Just("／"),
            Just("。"),
            Just("\u{feff}"),
            Just("\u{85}"),
            Just("é"),
        ]
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn taken_paths_stay_here(pieces in prop::collection::vec(piece(), 0..8)) {
        check(&format!("/{}", pieces.concat()))?;
        check(&pieces.concat())?;
    }

    #[test]
    fn any_text_stays_here(next in any::<String>()) {
        check(&format!("/{next}"))?;
        check(&next)?;
    }
}

#[test]
fn the_oracle_sees_evil() {
    for evil in ["//evil.example", "/\\evil.example", "/\t/evil.example"] {
        assert!(!stays(evil), "{evil:?}");
    }
}
