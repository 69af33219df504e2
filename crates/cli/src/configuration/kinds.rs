//! What values there are: what each must be, how it is read, and whether it is a secret.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::{Deref, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use phone_auth::SiteOrigin;
use phone_auth::core::address::Region;
use phone_auth::core::form::Field;
use phone_auth::core::limits::{RateLimit, TextCountries, TextGuard};
use phone_auth::core::settings::{Methods, NoticesBy, RefusedNumberTypes};
use phone_auth::delivery::Carries;
use phone_auth::delivery::smtp::Security;
use phone_auth::delivery::{Secret, StatusSet};
use phone_auth::django::{DjangoIterations, TimeZone};
use phone_auth::signals::{Channel, MessageSignal};
use phone_auth::urls::AccountRoutes;
use phone_auth::web::{ClientAddressHeader, TrustedProxies};

use super::value::Given;
use crate::database::name::DatabaseName;
use crate::secrets::secrecy::Secrecy;

/// A type that a setting can have.
pub(super) trait FromGiven: Sized {
    /// What a right value is, in words that end the sentence "x is not …".
    const RIGHT: &'static str;
    /// What may stand in a value, right or wrong.
    const SECRECY: Secrecy = Secrecy::Open;

    /// The value, if it is right.
    fn read(given: &Given<'_>) -> Option<Self>;

    /// The value when nobody sets it, by its text.
    #[expect(
        clippy::expect_used,
        reason = "every default is read by each start, and so by each test"
    )]
    fn by_default(text: &str) -> Self {
        Self::read(&Given::Text(text)).expect("the defaults of the table are right")
    }
}

/// What need not be set is none by default, and the text describes what that means.
impl<T: FromGiven> FromGiven for Option<T> {
    const RIGHT: &'static str = T::RIGHT;
    const SECRECY: Secrecy = T::SECRECY;

    fn read(given: &Given<'_>) -> Option<Self> {
        T::read(given).map(Some)
    }

    fn by_default(_text: &str) -> Self {
        None
    }
}

/// Says of a type what is right, how it is read, and what it is by default where the text only describes that.
macro_rules! kinds {
    ($($(#[$secrecy:ident])? $type:ty, $right:expr, $given:ident => $read:expr $(, $unset:expr)?;)+) => {$(
        impl FromGiven for $type {
            const RIGHT: &'static str = $right;
            $(const SECRECY: Secrecy = Secrecy::$secrecy;)?

            fn read($given: &Given<'_>) -> Option<Self> {
                $read
            }

            $(fn by_default(_text: &str) -> Self {
                $unset
            })?
        }
    )+};
}

const JSON: &str = "JSON such as { \"to\": \"{{ to }}\" }, or a table";
const SUCCESS: &str = "statuses such as \"2xx, 404, 500-503\", or a table such as \
                       { pointer = \"/messages/0/status\", value = \"0\" }, { text = \"OK\" } or { not_text = \"ERR\" }, \
                       each perhaps with status = \"2xx\"";
const TIME: &str = "a time such as \"14 days\", \"90m\" or a number of seconds, longer than none and at most 10 years";
/// What a choice of messages must be.
const SIGNALS: &str = "a list such as [\"verify_email\"], of reset_password_email, reset_password_phone, verify_email, verify_phone, login_email, login_phone, security_notice_email, security_notice_phone";

kinds! {
    bool, "true or false", given => given.boolean();
    u16, "a port from 1 to 65535", given => number(given).filter(|port| *port > 0);
    u8, "a number", given => number(given);
    u32, "a number", given => number(given);
    usize, "a number", given => number(given);
    NonZeroU32, "a number", given => NonZeroU32::new(number(given)?);
    NonZeroUsize, "a number", given => NonZeroUsize::new(number(given)?);
    String, "a name", given => given.text().map(str::to_owned);
    Duration, TIME, given => given.duration().filter(|duration| !duration.is_zero());
    DateTime<Utc>, "a time with its offset from UTC such as 2026-12-01T00:00:00Z", given => given.time();
    PathBuf, "the path of a file", given => given.path();
    SocketAddr, "an IP address and a port such as 127.0.0.1:8000 or [::1]:0", given => address(given);
    SiteOrigin, "an origin such as https://example.org: http or https, a host, perhaps a port, no path",
        given => SiteOrigin::parse(given.text()?).ok();
    #[Url]
    DatabaseName, "a database such as sqlite:phone-auth.sqlite3, whose path begins with no // (sqlite:/srv/app.sqlite3, not sqlite:///srv/app.sqlite3) and has no ?, or postgres://user@host/database", given => database(given);
    #[Url]
    Url, "a URL with https", given => given.seen_text().map(str::to_owned).map(Url);
    #[Secret]
    Secret, "a password", given => given.seen_text().map(Secret::new);
    #[Secret]
    serde_json::Value, JSON, given => given.json();
    Methods, "a list such as [\"phone\"], of phone, email, username", given => methods(given);
    Carries, "one of code, link and both", given => given.text()?.parse().ok();
    Vec<(String, Carries)>, "a table such as { \"+91\" = \"code\" } of code, link and both, in the environment as JSON",
        given => carries_by_prefix(given), Vec::new();
    RateLimit, "a rate such as 30/min, 5/5min, 10/h or 1/30s, or off", given => given.text()?.parse().ok();
    TextGuard, "one of off, record and enforce", given => text_guard(given);
    TextCountries, "a list of countries such as CH or +41, or all", given => text_countries(given);
    Region, "the two letters of a country such as CH", given => Region::named(given.text()?);
    RefusedNumberTypes, "some of premium_rate, shared_cost and satellite, or none", given => number_types(given);
    Vec<Channel>, "some of sms, voice and whatsapp, each once", given => all(given, Channel::parse);
    NoticesBy, "one of off, email, email_else_phone and all", given => notices(given);
    Messages, SIGNALS, given => all(given, MessageSignal::named).filter(|signals| !signals.is_empty()).map(Messages);
    Security, "one of tls, starttls and none", given => security(given);
    Success, SUCCESS, given => Success::of(given);
    StatusSet, "statuses such as \"2xx, 404, 500-503\"", given => statuses(given);
    ClientAddressHeader, "one of x-forwarded-for, forwarded and x-real-ip", given => header(given);
    Vec<IpNet>, "a list of networks or addresses such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, none of them wider than 10.0.0.0/8 or fc00::/7", given => all(given, network),
        Vec::new();
    TimeZone, "the name of a time zone such as Europe/Berlin or UTC", given => TimeZone::named(given.text()?).ok();
    DjangoIterations, "a number from 1 to 3000000", given => DjangoIterations::new(number(given)?);
    Vec<PathBuf>, "a list of paths of files, each written out without ~", given => given.paths(), Vec::new();
    Vec<Field>, "a list of first_name, last_name, username, email and phone", given => all(given, hideable), Vec::new();
    Vec<String>, "a list of names", given => all(given, |item| Some(item.to_owned())), Vec::new();
    Vec<SiteOrigin>, "a list of origins such as https://app.example.org",
        given => all(given, |item| SiteOrigin::parse(item).ok()), Vec::new();
    Vec<MessageSignal>, SIGNALS, given => all(given, MessageSignal::named), Vec::new();
    #[Secret]
    Vec<(String, String)>, "a table of texts such as { To = \"{{ to }}\" }, in the environment as JSON",
        given => given.pairs(), Vec::new();
}

/// A URL, perhaps a template of one, or several with commas between; there may be a key in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Url(String);

impl Deref for Url {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Some of the signals that ask for a message, at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Messages(pub(crate) Vec<MessageSignal>);

/// What the answer of a gateway is like that has taken a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Success {
    pub(crate) statuses: Option<StatusSet>,
    /// The pointer to a value of its JSON, and that value.
    pub(crate) json: Option<(String, serde_json::Value)>,
    /// What stands in it.
    pub(crate) text: Option<String>,
    /// What does not.
    pub(crate) not_text: Option<String>,
}

impl Success {
    fn of(given: &Given<'_>) -> Option<Self> {
        let Some(serde_json::Value::Object(mut table)) = given.json() else {
            let statuses = Some(statuses(given)?);
            return Some(Self {
                statuses,
                ..Self::default()
            });
        };
        let mut text = |name: &str| match table.remove(name) {
            Some(serde_json::Value::String(text)) => Some(Some(text)),
            Some(_other) => None,
            None => Some(None),
        };
        let (pointer, status) = (text("pointer")?, text("status")?);
        let (text, not_text) = (text("text")?, text("not_text")?);
        let json = match (pointer, table.remove("value")) {
            (Some(pointer), Some(value)) => Some((pointer, value)),
            (None, None) => None,
            _ => return None,
        };
        let statuses = status.map(|status| status.parse()).transpose().ok()?;
        let says_something =
            statuses.is_some() || json.is_some() || text.is_some() || not_text.is_some();
        (table.is_empty() && says_something).then_some(Self {
            statuses,
            json,
            text,
            not_text,
        })
    }
}

/// A method that a message can be sent by.
pub(super) fn method(given: &Given<'_>) -> Option<String> {
    let method = String::read(given)?;
    ["GET", "POST", "PUT", "PATCH"]
        .contains(&method.as_str())
        .then_some(method)
}

/// What the paths of the account pages begin with.
pub(super) fn mount(given: &Given<'_>) -> Option<String> {
    let mount = String::read(given)?;
    AccountRoutes::new(&mount).is_ok().then_some(mount)
}

/// All of a list, if each is right.
fn all<T>(given: &Given<'_>, read: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    given.list()?.into_iter().map(read).collect()
}

/// An address to listen on; `localhost` is understood, other names are not looked up.
fn address(given: &Given<'_>) -> Option<SocketAddr> {
    let text = given.text()?;
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
    }
    text.parse().ok()
}

/// A database by its name. The path of a file need not be UTF-8.
fn database(given: &Given<'_>) -> Option<DatabaseName> {
    match given.path_after("sqlite:") {
        Some(path) => DatabaseName::file(path),
        None => DatabaseName::parse(given.seen_text()?),
    }
}

/// A folder that is there.
pub(super) fn folder(given: &Given<'_>) -> Option<PathBuf> {
    given.path().filter(|path| path.is_dir())
}

/// The methods named. That there is one at all, core sees to.
fn methods(given: &Given<'_>) -> Option<Methods> {
    let mut methods = Methods {
        phone: false,
        email: false,
        username: false,
    };
    for method in given.list()? {
        match method {
            "phone" => methods.phone = true,
            "email" => methods.email = true,
            "username" => methods.username = true,
            _ => return None,
        }
    }
    Some(methods)
}

/// A network, or one address. Bits behind its prefix would be a mistake in one of the two.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let is_mapped =
        matches!(network.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    let is_one = network.addr() == network.network() && !is_mapped;
    (is_one && TrustedProxies::may_be(&network)).then_some(network)
}

fn header(given: &Given<'_>) -> Option<ClientAddressHeader> {
    let name = given.text()?;
    let mut headers = ClientAddressHeader::ALL.into_iter();
    headers.find(|header| header.name().eq_ignore_ascii_case(name))
}

/// A field that the sign-up form can do without.
fn hideable(name: &str) -> Option<Field> {
    let fields = [
        Field::FirstName,
        Field::LastName,
        Field::Username,
        Field::Email,
        Field::Phone,
    ];
    fields.into_iter().find(|field| field.name() == name)
}

/// The types of numbers named; `none` names none.
fn number_types(given: &Given<'_>) -> Option<RefusedNumberTypes> {
    let mut types = RefusedNumberTypes::NONE;
    let named = given.list()?;
    if named == ["none"] {
        return Some(types);
    }
    for name in &named {
        match *name {
            "premium_rate" => types.premium_rate = true,
            "shared_cost" => types.shared_cost = true,
            "satellite" => types.satellite = true,
            _ => return None,
        }
    }
    Some(types)
}

fn notices(given: &Given<'_>) -> Option<NoticesBy> {
    Some(match given.text()? {
        "off" => NoticesBy::Off,
        "email" => NoticesBy::Email,
        "email_else_phone" => NoticesBy::EmailElsePhone,
        "all" => NoticesBy::All,
        _ => return None,
    })
}

/// What text messages say, by the beginning of a number as E.164 has it.
fn carries_by_prefix(given: &Given<'_>) -> Option<Vec<(String, Carries)>> {
    let is_prefix = |text: &str| {
        let digits = text.strip_prefix('+').unwrap_or_default();
        (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let read = |(prefix, carries): (String, String)| {
        let carries = carries.parse().ok()?;
        is_prefix(&prefix).then_some((prefix, carries))
    };
    given.pairs()?.into_iter().map(read).collect()
}

fn text_guard(given: &Given<'_>) -> Option<TextGuard> {
    Some(match given.text()? {
        "off" => TextGuard::Off,
        "record" => TextGuard::Record,
        "enforce" => TextGuard::Enforce,
        _ => return None,
    })
}

/// The countries named; `all` names none in particular.
fn text_countries(given: &Given<'_>) -> Option<TextCountries> {
    let named = given.list()?;
    if named == ["all"] {
        return Some(TextCountries::default());
    }
    if named.is_empty() {
        return None;
    }
    TextCountries::named(named)
}

fn security(given: &Given<'_>) -> Option<Security> {
    Some(match given.text()? {
        "tls" => Security::Implicit,
        "starttls" => Security::StartTls,
        "none" => Security::None,
        _ => return None,
    })
}

/// A text, or several in a list.
fn statuses(given: &Given<'_>) -> Option<StatusSet> {
    let text = match given.list() {
        Some(list) => list.join(","),
        None => given.text()?.to_owned(),
    };
    text.parse().ok()
}

/// A time that someone waits.
pub(super) fn wait(given: &Given<'_>) -> Option<Duration> {
    Duration::read(given).filter(|duration| *duration <= Duration::from_mins(10))
}

/// A duration that is not unset by leaving it out.
pub(super) fn or_none(given: &Given<'_>) -> Option<Option<Duration>> {
    if given.text() == Some("none") {
        return Some(None);
    }
    Duration::read(given).map(Some)
}

fn number<T: TryFrom<u64>>(given: &Given<'_>) -> Option<T> {
    T::try_from(given.number()?).ok()
}

/// Nothing but whether a number in a range was given.
pub(super) fn within(given: &Given<'_>, range: RangeInclusive<u64>) -> Option<()> {
    range.contains(&given.number()?).then_some(())
}
