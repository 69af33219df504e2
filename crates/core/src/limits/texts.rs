//! What is counted of text messages: sent and used, by scope and hour.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{LimitKey, LimitSubject};

/// What text messages are counted by: a dial code, a thousand numbers, a client network and a country, the site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates take it apart"
)]
pub struct TextScope {
    /// Under which key.
    pub key: LimitKey,
    /// What it is, for an operator who lists them. It names no number and no client.
    pub name: String,
}

/// How what is counted changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store must know each, and there are no others"
)]
pub enum TextChange {
    /// One more was sent.
    Sent,
    /// One that was counted as sent was not.
    TakenBack,
    /// The link of one was used.
    Used,
    /// Nothing changes: a name that nobody has takes the same work.
    Nothing,
}

impl TextChange {
    /// By how much the counts of what is sent and used change.
    pub const fn numbers(self) -> (i64, i64) {
        match self {
            Self::Sent => (1, 0),
            Self::TakenBack => (-1, 0),
            Self::Used => (0, 1),
            Self::Nothing => (0, 0),
        }
    }
}

/// A change of what is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates take it apart"
)]
pub struct TextCount {
    /// By what it is counted, in the order of the keys, each once.
    pub scopes: Vec<TextScope>,
    /// What is changed in each.
    pub change: TextChange,
    /// The hour by the clock of the one who asks, as [`TextRow::hour_of`] numbers it.
    pub hour: i64,
}

/// What is counted in one hour of one scope, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct TextRow {
    /// Which scope.
    pub key: LimitKey,
    /// What it is.
    pub scope: String,
    /// Which hour since 1970.
    pub hour: i64,
    /// How many were sent. Never below 0.
    pub sent: i64,
    /// How many were used, no matter when they were sent. Never below 0.
    pub used: i64,
}

impl TextRow {
    /// For how many hours rows are kept.
    pub const KEPT: i64 = 15 * 24;

    /// The number of the hour that a time is in.
    ///
    /// # Examples
    /// ```
    /// use chrono::DateTime;
    /// use phone_auth_core::limits::TextRow;
    ///
    /// assert_eq!(TextRow::hour_of(DateTime::UNIX_EPOCH), 0);
    /// ```
    pub const fn hour_of(time: DateTime<Utc>) -> i64 {
        time.timestamp().div_euclid(3600)
    }

    /// Whether it can be removed at this hour.
    pub const fn is_old(&self, hour: i64) -> bool {
        self.hour <= hour - Self::KEPT
            || (self.sent == 0 && self.used == 0 && self.hour < hour - 1 && self.hour > hour - 24)
    }
}

/// What is counted of text messages, in memory.
#[derive(Default)]
pub(crate) struct TextCounts(BTreeMap<(LimitKey, i64), TextRow>);

impl TextCounts {
    /// Changes what is counted, and gives all that is about the subjects of the scopes in the last 15 days.
    pub(crate) fn count(&mut self, texts: &TextCount) -> Vec<TextRow> {
        let TextCount {
            scopes,
            change,
            hour,
        } = texts;
        let (hour, (sent, used)) = (*hour, change.numbers());
        let mut rows = Vec::new();
        for scope in scopes {
            let row = self.0.entry((scope.key, hour)).or_insert_with(|| TextRow {
                key: scope.key,
                scope: scope.name.clone(),
                hour,
                sent: 0,
                used: 0,
            });
            row.sent = (row.sent + sent).max(0);
            row.used = (row.used + used).max(0);
        }
        for scope in scopes {
            let subject = scope.key.subject();
            let range = (subject.first(), i64::MIN)..=(subject.last(), i64::MAX);
            let recent = self.0.range(range).map(|(_, row)| row);
            rows.extend(
                recent
                    .filter(|row| row.hour > hour - TextRow::KEPT)
                    .cloned(),
            );
        }
        rows
    }

    /// At most `limit` rows after the one of this key and hour.
    pub(crate) fn after(&self, after: Option<(LimitKey, i64)>, limit: u32) -> Vec<TextRow> {
        let rows = self
            .0
            .iter()
            .filter(|(key, _)| after.is_none_or(|after| **key > after));
        let rows = rows.map(|(_, row)| row.clone());
        rows.take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect()
    }

    /// Has what was sent and not used count as never sent; how many rows that changed.
    pub(crate) fn clear(&mut self, subjects: &[LimitSubject]) -> u64 {
        let mut changed = 0;
        for subject in subjects {
            let range = (subject.first(), i64::MIN)..=(subject.last(), i64::MAX);
            for (_, row) in self.0.range_mut(range) {
                if row.sent > row.used {
                    row.sent = row.used;
                    changed += 1;
                }
            }
        }
        changed
    }

    /// Removes at most `limit` rows that are old at this hour; how many they were.
    pub(crate) fn remove_old(&mut self, hour: i64, limit: u32) -> u64 {
        let old = self.0.iter().filter(|(_, row)| row.is_old(hour));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let keys: Vec<_> = old.map(|(key, _)| *key).take(most).collect();
        for key in &keys {
            self.0.remove(key);
        }
        u64::try_from(keys.len()).unwrap_or(u64::MAX)
    }

    /// Removes those of the oldest hour, where there is no room: but of dial codes and of the site, which are few and which
    /// anyone who makes up numbers would like to be forgotten.
    pub(crate) fn remove_oldest(&mut self) {
        let is_of_few = |row: &TextRow| {
            let kind = row.scope.split(' ').next();
            matches!(kind, Some("dial_code" | "site"))
        };
        let others = self.0.values().filter(|row| !is_of_few(row));
        let oldest = others.map(|row| row.hour).min();
        self.0
            .retain(|_, row| is_of_few(row) || Some(row.hour) != oldest);
    }

    /// How many rows there are.
    pub(crate) fn row_count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_old_after_fifteen_days() {
        let now = 10_000;
        for (age, sent, used, is) in [
            (0, 0, 0, false),
            (1, 0, 0, false),
            // Empty ones, of which there is one for each number that was asked for in vain.
            (2, 0, 0, true),
            (23, 0, 0, true),
            (24, 0, 0, false),
            (2, 1, 0, false),
            (2, 0, 1, false),
            (359, 1, 1, false),
            (360, 1, 1, true),
            (361, 0, 0, true),
        ] {
            let row = TextRow {
                key: LimitKey::from_bytes([1; 16]),
                scope: "site".to_owned(),
                hour: now - age,
                sent,
                used,
            };
            assert_eq!(row.is_old(now), is, "{age} h, {sent} sent, {used} used");
        }
    }

    #[test]
    fn oldest_hour_makes_room() {
        let mut counts = TextCounts::default();
        let names = ["dial_code +91", "number", "prefix", "site"];
        for hour in [7, 8] {
            let scopes = names.iter().zip(1_u8..).map(|(name, key)| TextScope {
                key: LimitKey::from_bytes([key; 16]),
                name: (*name).to_owned(),
            });
            drop(counts.count(&TextCount {
                scopes: scopes.collect(),
                change: TextChange::Sent,
                hour,
            }));
        }
        let mut left = || {
            counts.remove_oldest();
            let rows = counts.after(None, 100);
            let rows = rows.iter().map(|row| (row.scope.clone(), row.hour));
            rows.collect::<Vec<_>>()
        };
        let of = |name: &str, hour| (name.to_owned(), hour);
        let of_few = [7, 8].map(|hour| (of("dial_code +91", hour), of("site", hour)));
        let [(code7, site7), (code8, site8)] = of_few;
        let number = of("number", 8);
        let all = [&code7, &code8, &number, &of("prefix", 8), &site7, &site8];
        assert_eq!(left(), all.map(Clone::clone));
        assert_eq!(left(), [code7, code8, site7, site8]);
    }

    #[test]
    fn counts_are_never_below_none() {
        let mut counts = TextCounts::default();
        let mut count = |change| {
            let scope = TextScope {
                key: LimitKey::from_bytes([1; 16]),
                name: "site".to_owned(),
            };
            let rows = counts.count(&TextCount {
                scopes: vec![scope],
                change,
                hour: 7,
            });
            rows.first().map(|row| (row.sent, row.used))
        };
        assert_eq!(count(TextChange::TakenBack), Some((0, 0)));
        assert_eq!(count(TextChange::Sent), Some((1, 0)));
        assert_eq!(count(TextChange::Used), Some((1, 1)));
    }
}
