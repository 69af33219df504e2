//! What an answer tells, to compare what two people are told.

use crate::Answer;

/// All that an answer tells, less what is random and less what was typed.
pub fn told(answer: &Answer, typed: &[&str]) -> String {
    let mut headers: Vec<String> = (answer.headers.iter())
        .filter(|(name, _)| {
            !["date", "set-cookie", "location", "content-length"].contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let mut cookies: Vec<String> = (answer.cookies().iter())
        .map(|cookie| format!("{} {}", cookie.name, cookie.value.len()))
        .collect();
    cookies.sort();
    // What it calls the code that a page is about is drawn, and as long for each.
    let location = answer.header("location").unwrap_or_default();
    let (location, named) = location.split_once("asked=").unwrap_or((location, ""));
    let location = format!("{location} {}", named.len());
    let mut all = format!("{headers:?} {cookies:?} {location}\n{}", answer.text());
    for text in typed {
        all = all.replace(&text.replace('+', "&#x2b;"), "TYPED");
        all = all.replace(text, "TYPED");
    }
    format!("{} {}", answer.status, without_random(&all))
}

/// Without the numbers of claims, which go up, the tokens of forms, waits in seconds, and numbers as people write them.
fn without_random(text: &str) -> String {
    // A page has a value of its own, of any letters, and a name for the code that it is about.
    let mut text = text.to_owned();
    for own in ["name=\"form_token\" value=\"", "name=\"asked\" value=\""] {
        let mut parts = text.split(own);
        let mut without = parts.next().unwrap_or_default().to_owned();
        for rest in parts {
            let (_, rest) = rest.split_once('"').unwrap_or(("", rest));
            without.extend([own, "RANDOM\"", rest]);
        }
        text = without;
    }
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
            word.push(c);
            continue;
        }
        let is_number = word.contains("46116860184273");
        let is_token = word.len() > 40;
        let is_short = (1..=5).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit());
        out.push_str(if is_number || is_token || is_short {
            "RANDOM"
        } else {
            &word
        });
        out.push(c);
        word.clear();
    }
    out
}
