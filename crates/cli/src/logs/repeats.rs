//! Lines of the log that say the same again: the first is written, the others are counted.
//!
//! Whatever a stranger can cause, they can cause without end: a line for each would fill the disk and hide
//! all other lines. So of each kind one line a minute is written, and one that says how many there were. It
//! decides what is written; it writes nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// For how long lines of one kind are counted.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);

/// How many kinds one place in the code may have at a time; what is more is one kind. What is told apart may
/// be what a stranger chose.
const MOST_KINDS: usize = 16;

/// The kinds of lines that were written lately.
#[derive(Debug, Default)]
pub(crate) struct Repeats(HashMap<Kind, Seen>);

/// The place in the code, and the digest of the line without its numbers; none for what is too much.
type Kind = (&'static str, Option<u64>);

#[derive(Debug)]
struct Seen {
    /// When the count is told.
    ends: Instant,
    counted: u64,
    latest: String,
}

impl Repeats {
    /// Whether a line from this place in the code is written now; else it is counted.
    pub(crate) fn is_new(&mut self, place: &'static str, line: &str, now: Instant) -> bool {
        let mut kind = (place, Some(digest(line)));
        if !self.0.contains_key(&kind) && self.kinds_of(place) >= MOST_KINDS {
            kind = (place, None);
        }
        if let Some(seen) = self.0.get_mut(&kind) {
            seen.counted += 1;
            line.clone_into(&mut seen.latest);
            return false;
        }
        let seen = Seen {
            ends: now + WINDOW,
            counted: 0,
            latest: String::new(),
        };
        self.0.insert(kind, seen);
        true
    }

    /// The lines that tell of all counts whose time is over.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        self.0.retain(|_, seen| {
            if seen.ends > now {
                return true;
            }
            let line = seen.told();
            seen.ends = now + WINDOW;
            let goes_on = line.is_some();
            lines.extend(line);
            goes_on
        });
        lines.sort_unstable();
        lines
    }

    /// The lines that tell of all counts, at the end.
    pub(crate) fn all(&mut self) -> Vec<String> {
        let mut lines: Vec<String> = self.0.values_mut().filter_map(Seen::told).collect();
        lines.sort_unstable();
        self.0.clear();
        lines
    }

    /// When the next count is told.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|seen| seen.ends).min()
    }

    fn kinds_of(&self, place: &'static str) -> usize {
        self.0.keys().filter(|(of, _)| *of == place).count()
    }
}

impl Seen {
    /// The latest line with the count, if anything was counted; the count begins anew.
    fn told(&mut self) -> Option<String> {
        let counted = std::mem::take(&mut self.counted);
        let latest = std::mem::take(&mut self.latest);
        (counted > 0).then(|| format!("{latest} ({counted} more of this kind, this is the latest)"))
    }
}

/// A digest of a line without what is a number or a name made of digits: times, ids, counts, addresses.
fn digest(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in line.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric()) {
        let is_number = word.bytes().any(|byte| byte.is_ascii_digit());
        let word = if is_number { "0" } else { word };
        word.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "event src/here.rs:1";

    #[test]
    fn lines_of_one_kind_are_counted() {
        let mut repeats = Repeats::default();
        let begin = Instant::now();
        let line =
            |n: u32| format!("2026-11-03T09:12:{n}Z  WARN here: busy id={n} peer=192.0.2.{n}");
        let written: Vec<u32> = (1..=50)
            .filter(|n| repeats.is_new(PLACE, &line(*n), begin))
            .collect();
        assert_eq!(written, [1]);
        assert_eq!(repeats.next_due(), Some(begin + WINDOW));
        assert!(repeats.due(begin + WINDOW / 2).is_empty());

        let told = format!("{} (49 more of this kind, this is the latest)", line(50));
        assert_eq!(repeats.due(begin + WINDOW), [told]);
        // The flood goes on: another minute passes before the next line.
        assert!(!repeats.is_new(PLACE, &line(51), begin + WINDOW));
        assert!(repeats.due(begin + WINDOW).is_empty());
        assert_eq!(repeats.due(begin + WINDOW * 2).len(), 1);
        // It is over.
        assert!(repeats.due(begin + WINDOW * 3).is_empty());
        assert_eq!(repeats.next_due(), None);
        assert!(repeats.is_new(PLACE, &line(52), begin + WINDOW * 3));
    }

    #[test]
    fn other_kinds_are_not_hidden() {
        let mut repeats = Repeats::default();
        let now = Instant::now();
        for (place, line) in [
            (PLACE, "WARN busy doing=\"log a user in\""),
            (PLACE, "WARN busy doing=\"sign a user up\""),
            ("event src/there.rs:1", "WARN busy doing=\"log a user in\""),
        ] {
            assert!(repeats.is_new(place, line, now), "{line}");
            assert!(!repeats.is_new(place, line, now), "{line}");
        }
        assert_eq!(repeats.all().len(), 3);
        assert!(repeats.all().is_empty());
    }

    #[test]
    fn chosen_kinds_are_bounded() {
        let mut repeats = Repeats::default();
        let now = Instant::now();
        let names = (0..1000_u32).map(|n| char::from_u32(0x4e00 + n).unwrap_or('x'));
        let written = names
            .filter(|name| repeats.is_new(PLACE, &format!("WARN no template {name}"), now))
            .count();
        assert_eq!(written, MOST_KINDS + 1);
        assert_eq!(repeats.0.len(), MOST_KINDS + 1);
        assert!(repeats.is_new("event src/there.rs:1", "WARN other", now));
    }
}
