//! Whether a text message may be sent: by what those before it have cost, and how many of them were used.
//!
//! Anyone who earns by messages has them sent to numbers at which nobody waits for them. So what counts is how many were sent
//! and not used; a site whose users open their links may send any number.

use phone_auth_events::MessageRefusal;

use super::{TextCount, TextRow};
use crate::address::{PhoneNumber, Region};

/// Whether the guard of text messages refuses any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller says one of these")]
pub enum TextGuard {
    /// Nothing is counted.
    Off,
    /// It counts and tells what it would refuse, and lets it pass.
    Record,
    /// It refuses.
    #[default]
    Enforce,
}

/// The countries to whose numbers text messages are sent: by region or by dial code; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextCountries(Option<Vec<Country>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Country {
    Region(Region),
    DialCode(u16),
}

impl TextCountries {
    /// The countries of these names: the two letters of a region, or a dial code with `+`. None when one is neither. Without
    /// any name there is no country to whose numbers anything is sent; for all of them there is the default.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::PhoneNumber;
    /// use phone_auth_core::limits::TextCountries;
    ///
    /// let countries = TextCountries::named(["CH", "+91"]).ok_or("no countries")?;
    /// assert!(countries.contain(&PhoneNumber::parse("+91 98765 43210")?));
    /// assert!(!countries.contain(&PhoneNumber::parse("+44 20 7946 0018")?));
    /// assert_eq!(TextCountries::named(["Switzerland"]), None);
    ///
    /// let number = PhoneNumber::parse("+91 98765 43210")?;
    /// assert!(TextCountries::default().contain(&number));
    /// assert!(!TextCountries::named([]).ok_or("no countries")?.contain(&number));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let countries = names.into_iter().map(|name| match name.strip_prefix('+') {
            Some(code) if code.len() <= 3 && code.bytes().all(|digit| digit.is_ascii_digit()) => {
                code.parse().ok().map(Country::DialCode)
            }
            Some(_) => None,
            None => Region::named(name).map(Country::Region),
        });
        countries.collect::<Option<_>>().map(|all| Self(Some(all)))
    }

    /// Whether messages are sent to this number.
    pub fn contain(&self, number: &PhoneNumber) -> bool {
        let is_in = |country: &Country| match country {
            Country::Region(region) => number.is_in(*region),
            Country::DialCode(code) => number.dial_code() == *code,
        };
        (self.0.as_ref()).is_none_or(|countries| countries.iter().any(is_in))
    }

    /// The same of what a store has: where there is a list, nothing is sent to what is no number.
    pub(crate) fn contain_stored(&self, number: Option<&PhoneNumber>) -> bool {
        self.0.is_none() || number.is_some_and(|number| self.contain(number))
    }
}

/// How many messages that are not used the guard allows in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextBudget {
    /// In this hour and the one before.
    pub hour: i64,
    /// In this hour and the 24 before it.
    pub day: i64,
}

/// The fewest that a scope allows, where nobody has used any.
#[derive(Clone, Copy)]
struct Floor {
    hour: i64,
    day: i64,
}

/// What is counted in a scope, over the times that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextTotals {
    /// In the running hour alone.
    sent_now: i64,
    sent_hour: i64,
    used_hour: i64,
    sent_day: i64,
    used_day: i64,
    /// The most that were used on one day of the last 14.
    best_day: i64,
    /// To how many countries any were sent in this hour and the 24 before it.
    countries: usize,
}

/// How many messages a day owners get whatever budgets are used up, used or not: more than they need to get in.
const OWNERS: i64 = 3;

/// How many messages a proven number gets in an hour of the clock, whatever budgets are used up and no matter who asks:
/// else anyone who asks for messages to it would keep them from its owner.
const PROVEN: i64 = 1;

/// How many messages that are not used a client network may have in a day, the next one among them, for that one to be sent
/// to a proven number whatever budgets are used up: owners have few, and anyone who has many numbers asks from somewhere. One
/// that many people share, as of a mobile carrier or an office, may have as many as are used there.
const OF_NETWORK: i64 = 3;

/// The same of the network around it, as anyone who has a server has a thousand networks there.
const OF_WIDE_NETWORK: i64 = 10 * OF_NETWORK;

/// How many times the day's budget of the site may be unused for proven numbers to be sent more whatever budgets are used up,
/// and for owners: so anyone who has a thousand numbers, or accounts, comes to an end as well. Strangers come to theirs first.
const ENDS: [i64; 2] = [2, 3];

/// How many hours before the running one count as the last hour, and as the last day. The running one counts besides, so
/// that no hour and no 24 hours see more than a budget, whenever they begin.
const BEFORE: [i64; 2] = [1, 24];

/// From how many countries on a network needs one message that was used.
const COUNTRIES: usize = 3;

impl TextTotals {
    /// What these rows say of the scope of this name at this hour; of a network in all countries.
    pub(crate) fn of(rows: &[TextRow], name: &str, hour: i64) -> Self {
        let Some(own) = rows.iter().find(|row| row.scope == name) else {
            return Self::default();
        };
        let subject = own.key.subject();
        let [in_hour, in_day] = BEFORE;
        let mut totals = Self::default();
        let mut days = [0_i64; 15];
        let mut countries = Vec::new();
        for row in rows.iter().filter(|row| row.key.subject() == subject) {
            let age = hour - row.hour;
            if age <= in_day {
                totals.sent_day += row.sent;
                totals.used_day += row.used;
                if row.sent > 0 && !countries.contains(&row.key) {
                    countries.push(row.key);
                }
            }
            if age == 0 {
                totals.sent_now += row.sent;
            }
            if age <= in_hour {
                totals.sent_hour += row.sent;
                totals.used_hour += row.used;
            }
            let day = usize::try_from(age / 24).unwrap_or_default();
            if let Some(used) = days.get_mut(day) {
                *used += row.used;
            }
        }
        totals.best_day = days.iter().take(14).copied().max().unwrap_or_default();
        totals.countries = countries.len();
        totals
    }

    /// Whether nothing was sent or used in the last day.
    pub(crate) const fn is_empty(&self) -> bool {
        self.sent_day == 0 && self.used_day == 0 && self.countries == 0
    }

    /// How many were sent and not used in the last day.
    pub(crate) const fn unused_day(&self) -> i64 {
        if self.sent_day > self.used_day {
            self.sent_day - self.used_day
        } else {
            0
        }
    }

    /// The same in this hour and the one before.
    pub(crate) const fn unused_hour(&self) -> i64 {
        if self.sent_hour > self.used_hour {
            self.sent_hour - self.used_hour
        } else {
            0
        }
    }

    /// What a scope allows: 30 % of what is used a day, and 20 % of what is used an hour.
    fn budget(&self, floor: Floor) -> TextBudget {
        TextBudget {
            hour: floor.hour.max(self.best_day / 30).max(self.used_hour / 5),
            day: floor
                .day
                .max(self.best_day * 3 / 10)
                .max(self.used_day * 3 / 10),
        }
    }
}

/// The kinds of scopes that have a budget, by the first word of their names, and why they refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    /// One number: it uses up no budget that others need.
    Number,
    DialCode,
    Prefix,
    Network,
    /// The network around a client's: it refuses nothing, but ends the places of proven numbers.
    Wide,
    Site,
    /// A proven number, no matter who asks.
    Proven,
    /// A proven number whose user asks from a browser that they have signed in with: a place of their own.
    Owner,
}

impl ScopeKind {
    /// The kind of a scope of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.split(' ').next() {
            Some("number") => Some(Self::Number),
            Some("proven") => Some(Self::Proven),
            Some("dial_code") => Some(Self::DialCode),
            Some("prefix") => Some(Self::Prefix),
            Some("network") => Some(Self::Network),
            Some("wide") => Some(Self::Wide),
            Some("site") => Some(Self::Site),
            Some("owner") => Some(Self::Owner),
            _ => None,
        }
    }

    /// Why it refuses, if it ever does.
    const fn reason(self) -> Option<MessageRefusal> {
        match self {
            Self::Number => Some(MessageRefusal::Number),
            Self::DialCode => Some(MessageRefusal::DialCode),
            Self::Prefix => Some(MessageRefusal::Prefix),
            Self::Network => Some(MessageRefusal::Network),
            Self::Site => Some(MessageRefusal::Site),
            Self::Wide | Self::Proven | Self::Owner => None,
        }
    }

    /// What a scope of this kind allows; none for a network, which goes by countries, or the one around it.
    pub(crate) fn budget(self, totals: &TextTotals, site_budget: u32) -> Option<TextBudget> {
        let floor = match self {
            // Half of what its thousand has, and a quarter of its dial code's.
            Self::Number => Floor { hour: 5, day: 5 },
            // A day's worth is what a site without users can lose to one country. An hour's leaves room for the first
            // users of a launch, who are on their way to their links at the same time.
            Self::DialCode => Floor { hour: 10, day: 20 },
            Self::Prefix => Floor { hour: 10, day: 10 },
            Self::Site => {
                let budget = i64::from(site_budget);
                Floor {
                    hour: budget,
                    day: budget,
                }
            }
            Self::Proven => Floor {
                hour: PROVEN,
                day: 24 * PROVEN,
            },
            Self::Owner => Floor {
                hour: OWNERS,
                day: OWNERS,
            },
            Self::Network | Self::Wide => return None,
        };
        Some(totals.budget(floor))
    }

    /// Whether a scope of this kind refuses the next message, of a further country for a network.
    pub(crate) fn is_full(self, totals: &TextTotals, site_budget: u32) -> bool {
        match self.budget(totals, site_budget) {
            Some(budget) => {
                totals.unused_day() >= budget.day || totals.unused_hour() >= budget.hour
            }
            None => {
                self == Self::Network && totals.countries + 1 >= COUNTRIES && totals.used_day == 0
            }
        }
    }

    /// Whether a scope of this kind refuses the message that is counted in these totals already.
    fn refuses(self, totals: &TextTotals, site_budget: u32) -> Option<MessageRefusal> {
        let is_over = match self.budget(totals, site_budget) {
            Some(budget) => totals.unused_day() > budget.day || totals.unused_hour() > budget.hour,
            None => totals.countries >= COUNTRIES && totals.used_day == 0,
        };
        self.reason().filter(|_| is_over)
    }
}

/// Why a message that is counted in these rows already is refused, if it is: not where its owner has a place left. By its
/// number first: then no other budget has lost anything.
pub(crate) fn refusal(
    texts: &TextCount,
    rows: &[TextRow],
    site_budget: u32,
) -> Option<MessageRefusal> {
    let scopes = texts.scopes.iter().filter_map(|scope| {
        let totals = TextTotals::of(rows, &scope.name, texts.hour);
        Some((ScopeKind::of(&scope.name)?, totals))
    });
    let mut scopes: Vec<_> = scopes.collect();
    scopes.sort_by_key(|(kind, _)| *kind != ScopeKind::Number);
    if has_place(&scopes, site_budget) {
        return None;
    }
    let mut scopes = scopes.iter();
    scopes.find_map(|(kind, totals)| kind.refuses(totals, site_budget))
}

/// Whether a message is sent whatever budgets are used up.
fn has_place(scopes: &[(ScopeKind, TextTotals)], site_budget: u32) -> bool {
    let of = |wanted| scopes.iter().find(|(kind, _)| *kind == wanted);
    let of = |wanted| of(wanted).map(|(_, totals)| totals);
    let has_few = |kind, few: i64| {
        of(kind).is_none_or(|network| network.unused_day() <= few.max(network.used_day))
    };
    let is_new_here =
        has_few(ScopeKind::Network, OF_NETWORK) && has_few(ScopeKind::Wide, OF_WIDE_NETWORK);
    let is_within = |times| {
        of(ScopeKind::Site).is_none_or(|site| {
            let budget = ScopeKind::Site.budget(site, site_budget);
            budget.is_none_or(|budget| site.unused_day() <= budget.day.saturating_mul(times))
        })
    };
    let [of_proven, of_owners] = ENDS;
    let proven = of(ScopeKind::Proven).is_some_and(|it| it.sent_now <= PROVEN);
    let owner = of(ScopeKind::Owner).is_some_and(|it| it.sent_day <= OWNERS);
    (proven && is_new_here && is_within(of_proven)) || (owner && is_within(of_owners))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{LimitKey, TextChange, TextScope};

    fn row(hour: i64, sent: i64, used: i64) -> TextRow {
        TextRow {
            key: LimitKey::from_bytes([1; 16]),
            scope: "dial_code +91".to_owned(),
            hour,
            sent,
            used,
        }
    }

    #[test]
    fn budget_follows_what_is_used() {
        for (rows, hour, day) in [
            (vec![row(1000, 5, 0)], 10, 20),
            // 100 a day, a week ago.
            (vec![row(1000 - 170, 110, 100), row(1000, 1, 0)], 10, 30),
            (vec![row(1000 - 170, 900, 900), row(1000, 1, 0)], 30, 270),
            // Too long ago.
            (vec![row(1000 - 340, 900, 900), row(1000, 1, 0)], 10, 20),
            // This hour.
            (vec![row(1000, 110, 100)], 20, 30),
            (vec![row(999, 50, 50), row(1000, 50, 50)], 20, 30),
            (vec![row(998, 100, 100), row(1000, 1, 0)], 10, 30),
        ] {
            let totals = TextTotals::of(&rows, "dial_code +91", 1000);
            let budget = ScopeKind::DialCode.budget(&totals, 0);
            assert_eq!(budget, Some(TextBudget { hour, day }), "{rows:?}");
        }
    }

    #[test]
    fn scopes_have_floors_of_their_own() {
        for (kind, floor) in [
            (ScopeKind::Number, Some((5, 5))),
            (ScopeKind::Proven, Some((1, 24))),
            (ScopeKind::DialCode, Some((10, 20))),
            (ScopeKind::Prefix, Some((10, 10))),
            (ScopeKind::Site, Some((200, 200))),
            (ScopeKind::Owner, Some((3, 3))),
            (ScopeKind::Network, None),
            (ScopeKind::Wide, None),
        ] {
            let budget = kind.budget(&TextTotals::default(), 200);
            let found = budget.map(|budget| (budget.hour, budget.day));
            assert_eq!(found, floor, "{kind:?}");
        }
    }

    #[test]
    fn dial_codes_have_three_digits_at_most() {
        for (name, is_one) in [
            ("+1", true),
            ("+999", true),
            ("+4144", false),
            ("+", false),
            ("+4a", false),
            ("+-4", false),
        ] {
            assert_eq!(TextCountries::named([name]).is_some(), is_one, "{name}");
        }
    }

    /// What another program has stored may be no number: where there is a list, nobody can tell that it is in it.
    #[test]
    fn list_of_countries_is_closed() {
        let number = PhoneNumber::parse("+919876543210").ok();
        for (named, of_number, of_text) in [
            (None, true, true),
            (Some(&["IN"][..]), true, false),
            (Some(&["+41"]), false, false),
            (Some(&[]), false, false),
        ] {
            let named = named.map(|named| named.iter().copied());
            let countries = named.map(TextCountries::named);
            let countries = countries.unwrap_or_default().unwrap_or_default();
            let contained = countries.contain_stored(number.as_ref());
            assert_eq!(contained, of_number, "{countries:?}");
            assert_eq!(countries.contain_stored(None), of_text, "{countries:?}");
        }
    }

    #[test]
    fn only_what_is_not_used_counts() {
        for (rows, refused) in [
            (vec![row(1000, 10, 0)], false),
            (vec![row(1000, 11, 0)], true),
            (vec![row(1000, 12, 2)], false),
            (vec![row(990, 19, 0), row(1000, 1, 0)], false),
            (vec![row(990, 20, 0), row(1000, 1, 0)], true),
            // A day ends no earlier than 24 hours after its last message, at whatever minute that was sent.
            (vec![row(976, 20, 0), row(1000, 1, 0)], true),
            (vec![row(975, 90, 0), row(1000, 1, 0)], false),
            (vec![row(999, 10, 0), row(1000, 1, 0)], true),
            (vec![row(998, 10, 0), row(1000, 1, 0)], false),
            (vec![row(1000, 1200, 1000)], false),
            (vec![row(1000, 1201, 1000)], true),
        ] {
            let totals = TextTotals::of(&rows, "dial_code +91", 1000);
            let reason = ScopeKind::DialCode.refuses(&totals, 1000);
            assert_eq!(reason.is_some(), refused, "{rows:?}");
        }
    }

    #[test]
    fn network_needs_a_success_for_a_third_country() {
        let of = |country: u8, used| {
            let mut key = [9; 16];
            key[15] = country;
            TextRow {
                key: LimitKey::from_bytes(key),
                scope: "network".to_owned(),
                used,
                ..row(1000, 1, 0)
            }
        };
        for (rows, refused) in [
            (vec![of(1, 0), of(2, 0)], false),
            (vec![of(1, 0), of(2, 0), of(3, 0)], true),
            (vec![of(1, 1), of(2, 0), of(3, 0)], false),
        ] {
            let totals = TextTotals::of(&rows, "network", 1000);
            let reason = ScopeKind::Network.refuses(&totals, 1000);
            assert_eq!(reason.is_some(), refused, "{rows:?}");
        }
    }

    #[test]
    fn places_have_ends() {
        let totals = |sent, used| TextTotals {
            sent_now: 1,
            sent_day: sent,
            used_day: used,
            ..TextTotals::default()
        };
        // How many were sent and used of the network, of the one around it, and of the site.
        for (kind, of_network, of_wide, of_site, has) in [
            (ScopeKind::Proven, (3, 0), (3, 0), 400, true),
            (ScopeKind::Proven, (4, 0), (4, 0), 400, false),
            (ScopeKind::Proven, (20, 10), (20, 10), 400, true),
            (ScopeKind::Proven, (20, 9), (20, 9), 400, false),
            (ScopeKind::Proven, (1, 0), (30, 0), 400, true),
            (ScopeKind::Proven, (1, 0), (31, 0), 400, false),
            (ScopeKind::Proven, (1, 0), (80, 40), 400, true),
            (ScopeKind::Proven, (3, 0), (3, 0), 401, false),
            (ScopeKind::Owner, (100, 0), (1000, 0), 600, true),
            (ScopeKind::Owner, (1, 0), (1, 0), 601, false),
            (ScopeKind::Number, (1, 0), (1, 0), 1, false),
        ] {
            let scopes = [
                (kind, totals(1, 0)),
                (ScopeKind::Network, totals(of_network.0, of_network.1)),
                (ScopeKind::Wide, totals(of_wide.0, of_wide.1)),
                (ScopeKind::Site, totals(of_site, 0)),
            ];
            let case = format!("{kind:?} {of_network:?} {of_wide:?} {of_site}");
            assert_eq!(has_place(&scopes, 200), has, "{case}");
        }
    }

    /// Of several reasons it is told first that this number was sent enough.
    #[test]
    fn number_is_the_first_reason() {
        let names = ["dial_code +91", "number"];
        let of = |name: &str, key: u8| TextRow {
            key: LimitKey::from_bytes([key; 16]),
            scope: name.to_owned(),
            ..row(1000, 100, 0)
        };
        for order in [[0, 1], [1, 0]] {
            let rows: Vec<_> = order
                .into_iter()
                .zip(1_u8..)
                .filter_map(|(place, key)| Some(of(names.get::<usize>(place)?, key)))
                .collect();
            let scopes = rows.iter().map(|row| TextScope {
                key: row.key,
                name: row.scope.clone(),
            });
            let texts = TextCount {
                scopes: scopes.collect(),
                change: TextChange::Sent,
                hour: 1000,
            };
            let reason = refusal(&texts, &rows, 1000);
            assert_eq!(reason, Some(MessageRefusal::Number), "{order:?}");
        }
    }

    /// What would be refused next is shown as full.
    #[test]
    fn full_scope_refuses_the_next() {
        for (sent, is_full) in [(9, false), (10, true), (11, true)] {
            let totals = TextTotals::of(&[row(1000, sent, 0)], "dial_code +91", 1000);
            assert_eq!(
                ScopeKind::DialCode.is_full(&totals, 1000),
                is_full,
                "{sent}"
            );
        }
        for (sent, is_full) in [(19, false), (20, true)] {
            let totals = TextTotals::of(&[row(990, sent, 0)], "dial_code +91", 1000);
            assert_eq!(
                ScopeKind::DialCode.is_full(&totals, 1000),
                is_full,
                "{sent}"
            );
        }
        for (countries, used, is_full) in [(1, 0, false), (2, 0, true), (2, 1, false)] {
            let totals = TextTotals {
                countries,
                used_day: used,
                ..TextTotals::default()
            };
            assert_eq!(
                ScopeKind::Network.is_full(&totals, 0),
                is_full,
                "{countries}"
            );
            assert!(!ScopeKind::Wide.is_full(&totals, 0));
        }
    }
}
