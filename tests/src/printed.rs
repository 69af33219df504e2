//! What the program prints: the lines of the signals that send a link, and everything else.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::PATIENCE;
use crate::fixture::hex;

/// The signals whose receivers print a line in development mode.
const SIGNALS: [&str; 8] = [
    "reset_password_email",
    "reset_password_phone",
    "verify_email",
    "verify_phone",
    "login_email",
    "login_phone",
    "security_notice_email",
    "security_notice_phone",
];

/// One line that a receiver of the site printed: a signal's name and its payload.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Printed {
    /// Which signal it was.
    pub signal: String,
    /// Its payload.
    pub payload: Value,
}

impl Printed {
    /// Reads a line of standard output; `None` for any other line.
    pub fn parse(line: &str) -> Option<Self> {
        let (signal, json) = line.split_once(' ')?;
        if !SIGNALS.contains(&signal) {
            return None;
        }
        let payload = serde_json::from_str(json).ok()?;
        Some(Self {
            signal: signal.to_owned(),
            payload,
        })
    }

    /// The relative URL to open.
    pub fn url(&self) -> &str {
        self.payload["url"].as_str().expect("the payload has a url")
    }

    /// The code to type.
    pub fn code(&self) -> &str {
        self.payload["code"]
            .as_str()
            .expect("the payload has a code")
    }

    /// The stored email address or phone number that it was sent to.
    pub fn destination(&self) -> &str {
        self.payload["email"]
            .as_str()
            .or_else(|| self.payload["phone"].as_str())
            .expect("the payload has an email or a phone")
    }

    /// The username of the user it is for.
    pub fn username(&self) -> &str {
        self.payload["user"]["username"]
            .as_str()
            .expect("the payload has a user")
    }

    /// The id of the user or the address in the link.
    pub fn id(&self) -> &str {
        self.parts().0
    }

    /// The token of the link.
    pub fn token(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let mut parts = self.url().trim_end_matches('/').rsplit('/');
        let token = parts.next().expect("a link ends in its token");
        (
            parts.next().expect("a link has an id before its token"),
            token,
        )
    }
}

/// All that a program has said so far.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Record {
    /// The lines of its standard output.
    pub stdout: Vec<String>,
    /// The lines of its standard error.
    pub stderr: Vec<String>,
}

impl Record {
    /// The lines of the four signals, in order.
    pub fn printed(&self) -> Vec<Printed> {
        self.stdout
            .iter()
            .filter_map(|line| Printed::parse(line))
            .collect()
    }

    /// Everything that is not a line of a signal: the rest of standard output, and the logs.
    pub fn rest(&self) -> String {
        let stdout = self
            .stdout
            .iter()
            .filter(|line| Printed::parse(line).is_none());
        let lines: Vec<&str> = stdout.chain(&self.stderr).map(String::as_str).collect();
        lines.join("\n")
    }

    /// The address that it says it listens on, without the final slash.
    pub(crate) fn origin(&self) -> Option<String> {
        self.stdout.iter().chain(&self.stderr).find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            let host: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || ".:[]".contains(*c))
                .collect();
            let port = host.rsplit_once(':')?.1.parse::<u16>().ok()?;
            (port != 0).then(|| format!("http://{host}"))
        })
    }
}

/// Waits for the line of `signal` to `destination` that is number `nth` (from 1) of its kind; `None`
/// when [`PATIENCE`] is over.
pub(crate) async fn nth_printed(
    mut record: watch::Receiver<Record>,
    signal: &str,
    destination: &str,
    nth: usize,
) -> Option<Printed> {
    assert!(nth > 0, "lines are counted from 1");
    let pick = |record: &Record| {
        let mut printed = record.printed();
        printed.retain(|it| it.signal == signal && it.destination() == destination);
        printed.into_iter().nth(nth - 1)
    };
    let found = tokio::time::timeout(PATIENCE, record.wait_for(|it| pick(it).is_some())).await;
    found
        .ok()
        .and_then(|found| found.ok().and_then(|record| pick(&record)))
}

/// Another code than this one.
pub fn other_code(code: &str, by: u32) -> String {
    let number: u32 = code.parse().expect("a code is six digits");
    format!("{:06}", (number + by) % 1_000_000)
}

/// Whether a dump of a database holds a code: as a number or a text of its own, or by a digest that anyone can make.
pub fn holds_code(dump: &str, code: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.');
    let is_whole = dump.match_indices(code).any(|(at, _)| {
        let (before, after) = (dump.get(..at), dump.get(at + code.len()..));
        let before = before.and_then(|text| text.chars().next_back());
        let after = after.and_then(|text| text.chars().next());
        !is_part(before) && !is_part(after)
    });
    let digest = hex(&Sha256::digest(code));
    is_whole || dump.to_ascii_lowercase().contains(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dump_that_holds_a_code_is_known() {
        let digest = hex(&Sha256::digest("012345"));
        for (dump, holds) in [
            ("VALUES (1, '012345');", true),
            ("VALUES (012345, 2);", true),
            ("code=012345", true),
            (digest.as_str(), true),
            (digest.to_ascii_uppercase().as_str(), true),
            ("VALUES (90123456, '2026-11-27 10:00:00.012345');", false),
            ("X'AB012345'", false),
        ] {
            assert_eq!(holds_code(dump, "012345"), holds, "{dump}");
        }
    }
}
