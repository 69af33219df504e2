//! What text messages may cost, at the budgets that ship, by the flows of core over a store: real users get theirs, and who
//! earns by messages gets few.
#![expect(clippy::expect_used, reason = "a failed flow is a failed test")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::PhoneNumber;
use phone_auth_core::client::Client;
use phone_auth_core::clock::{Clock as _, ManualClock};
use phone_auth_core::limits::RateLimit;
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{EncodedPassword, Password};
use phone_auth_core::settings::Settings;
use phone_auth_core::signals::{MessageRefused, ResetPasswordPhone, Signals};
use phone_auth_core::store::Store;
use phone_auth_core::tokens::{Keyring, SecretKey};
use phone_auth_core::user::NewUser;

use super::Subject;
use crate::plain::Plain;

const HOUR: Duration = Duration::from_hours(1);
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// Numbers of twelve countries, where digits stand for `#`.
const COUNTRIES: [&str; 12] = [
    "+9198765#####",
    "+447400######",
    "+417912#####",
    "+336123#####",
    "+346123#####",
    "+4915112######",
    "+3931212#####",
    "+3161234####",
    "+4366412#####",
    "+4670123####",
    "+4841234####",
    "+35191234####",
];

/// The network of the one who asked for a link, its id and its token.
type Link = (u32, String, String);

/// A site whose users are known by their numbers alone.
struct Site {
    store: Arc<dyn Store>,
    accounts: Accounts,
    clock: ManualClock,
    signals: Signals,
    users: u32,
}

impl Site {
    fn over(subject: &Subject, change: impl FnOnce(&mut Settings)) -> Self {
        let key = SecretKey::generate().expect("there are random bytes");
        let (clock, signals) = (ManualClock::starting_now(), Signals::isolated());
        // Messages are counted by hours of the clock, and what is promised holds for 24 hours that begin within one.
        let into_hour = clock.now().timestamp().rem_euclid(3_600).unsigned_abs();
        clock.advance((HOUR + HOUR / 4).saturating_sub(Duration::from_secs(into_hour)));
        let mut settings = Settings::default();
        change(&mut settings);
        let accounts = Accounts::builder(subject.shared_store(), Keyring::new(key))
            .settings(settings)
            .limits(subject.limits_of(0))
            .signals(signals.clone())
            .clock(clock.clone())
            .hasher(Plain)
            .build();
        Self {
            store: subject.shared_store(),
            accounts: accounts.expect("the settings are right"),
            clock,
            signals,
            users: 0,
        }
    }

    /// Someone who has a number of this form.
    async fn user(&mut self, country: &str, number: u32) -> String {
        self.users += 1;
        let (start, width) = (country.trim_end_matches('#'), country.matches('#').count());
        let phone = PhoneNumber::parse(&format!("{start}{number:0width$}"));
        let phone = phone.expect("it is a number");
        let new = NewUser {
            username: format!("user{}", self.users),
            first_name: String::new(),
            last_name: String::new(),
            password: EncodedPassword::new("plain$plum-Orchard-1"),
            email: None,
            phone: Some(phone.clone()),
            date_joined: self.clock.now(),
            notices: Notices::default(),
            closes_at: None,
        };
        let made = self.store.create_user(&new).await;
        made.expect("nobody has the number");
        phone.to_string()
    }

    /// Someone who has proven that a number of this form is theirs.
    async fn owner(&mut self, country: &str, number: u32) -> String {
        let phone = self.user(country, number).await;
        let found = self.accounts.find(&phone).await;
        let user = found.expect("the name is one's").expect("there is one");
        let own = self.accounts.addresses_of(user.id).await;
        let own = own.expect("they are read").remove(0);
        let verified = self.accounts.set_verified(&user, &own, true).await;
        assert!(verified.expect("it is theirs").is_changed());
        phone
    }

    /// Whether a message is sent to this number when a network asks for a reset of it.
    async fn is_sent(&self, network: u32, phone: &str) -> bool {
        let mut sent = self.signals.capture::<ResetPasswordPhone>();
        let asked = self.client(network).request_password_reset(phone).await;
        asked.expect("nobody is limited");
        !sent.take().is_empty()
    }

    /// The flows for a client of its own network, one for each number.
    fn client(&self, network: u32) -> Accounts {
        let address = Ipv4Addr::from_bits(0x1400_0000 + network * 256);
        let client = Client::new().at(address.into());
        self.accounts.for_client(client)
    }

    /// A new user asks for a reset; the link, if a message was sent. The answer never says whether one was.
    async fn ask(&mut self, country: &str, number: u32) -> Option<Link> {
        let phone = self.user(country, number).await;
        let mut sent = self.signals.capture::<ResetPasswordPhone>();
        let asked = self.client(self.users).request_password_reset(&phone).await;
        asked.expect("nobody is limited");
        let message = sent.take().pop()?;
        let mut parts = message.url.as_str().trim_end_matches('/').rsplit('/');
        let token = parts.next()?.to_owned();
        Some((self.users, parts.next()?.to_owned(), token))
    }

    /// Uses a link.
    async fn open(&self, (network, id, token): &Link) {
        let new = Password::new("plum-Orchard-2");
        let client = self.client(*network);
        let opened = client.reset_password(id, token, &new, &new).await;
        opened.expect("the link is good");
    }
}

/// Why messages were refused, of those that were told.
fn reasons(told: &[MessageRefused]) -> Vec<&'static str> {
    told.iter().map(|it| it.reason.as_str()).collect()
}

pub(super) async fn launch_in_one_country_passes(subject: &Subject) {
    let mut site = Site::over(subject, |_| {});
    let (mut asked, mut served) = (0, 0);
    let mut waiting = Vec::new();
    // Three new users every 30 seconds for more than an hour. Each uses the link half a minute later, but for one in ten.
    for number in 0..400 {
        if number % 3 == 0 {
            for link in waiting.drain(..) {
                site.open(&link).await;
            }
            site.clock.advance(HALF_A_MINUTE);
        }
        asked += 1;
        if let Some(link) = site.ask(COUNTRIES[0], number).await {
            served += 1;
            if number % 10 != 9 {
                waiting.push(link);
            }
        }
    }
    assert!(served * 100 >= asked * 98, "{served} of {asked}");
}

pub(super) async fn slow_pumping_over_weeks_is_stopped(subject: &Subject) {
    let mut site = Site::over(subject, |_| {});
    // A week of twelve real users a day.
    for number in 0..7 * 12 {
        let link = site.ask(COUNTRIES[0], number).await;
        site.open(&link.expect("a real user gets a message")).await;
        site.clock.advance(HOUR * 2);
    }
    // Then two messages an hour to numbers at which nobody waits, each from a network of its own, and spread over all
    // numbers of the country, for two weeks; of these days a few are looked at.
    let mut told = site.signals.capture::<MessageRefused>();
    let mut number = 10_000;
    let mut sent = Vec::new();
    for days_between in [0, 0, 4, 6] {
        site.clock.advance(HOUR * 24 * days_between);
        for _ in 0..48 {
            number += 450;
            if site.ask(COUNTRIES[0], number).await.is_some() {
                sent.push(site.clock.now());
            }
            site.clock.advance(HOUR / 2);
        }
    }
    // Whenever a day begins.
    for first in &sent {
        let day = *first..*first + HOUR * 24;
        let count = sent.iter().filter(|at| day.contains(at)).count();
        assert!(count <= 20, "{count} of 48 in a day from {first}");
    }
    assert!(sent.len() >= 60, "{}: it is no attack", sent.len());
    let reasons = reasons(&told.take());
    assert!(
        !reasons.is_empty() && reasons.iter().all(|it| *it == "dial_code"),
        "{reasons:?}"
    );
}

pub(super) async fn burst_over_one_prefix_is_stopped(subject: &Subject) {
    let mut site = Site::over(subject, |_| {});
    // A country in which many use their messages, so that its budget is large.
    for number in 0..100 {
        let link = site.ask(COUNTRIES[0], 1_000 * (number % 80) + number).await;
        site.open(&link.expect("a real user gets a message")).await;
    }
    let mut told = site.signals.capture::<MessageRefused>();
    let mut sent = 0;
    for number in 0..60 {
        sent += u32::from(site.ask(COUNTRIES[0], 99_000 + number).await.is_some());
    }
    assert!((1..=20).contains(&sent), "{sent}");
    assert_eq!(reasons(&told.take()), ["prefix"], "once a minute");
    site.clock.advance(HALF_A_MINUTE * 2);
    assert_eq!(site.ask(COUNTRIES[0], 99_999).await, None);
    assert_eq!(reasons(&told.take()), ["prefix"], "and again after it");
    // Elsewhere in the country people get theirs.
    assert!(site.ask(COUNTRIES[0], 85_500).await.is_some());
}

/// Each country is within its budget of a day, and none of the networks asks twice: it is the site that ends it.
pub(super) async fn many_networks_and_countries_are_stopped(subject: &Subject) {
    let mut site = Site::over(subject, |_| {});
    let mut told = site.signals.capture::<MessageRefused>();
    let mut sent = [0; COUNTRIES.len()];
    for round in 0..20_u32 {
        for (sent, country) in sent.iter_mut().zip(COUNTRIES) {
            // Nine thousands of each, for a thousand has ten messages a day.
            let number = 1_000 * (round % 9) + round;
            *sent += u32::from(site.ask(country, number).await.is_some());
        }
        // A country has ten in two hours.
        site.clock.advance(HOUR / 2);
    }
    assert_eq!(sent.iter().sum::<u32>(), 200, "{sent:?}");
    assert!(sent.iter().all(|sent| (16..=17).contains(sent)), "{sent:?}");
    let mut reasons = reasons(&told.take());
    reasons.dedup();
    assert_eq!(reasons, ["site"]);
}

/// The place of a proven number is for its owner: who has many such numbers, or asks for those of others, gets few.
pub(super) async fn proven_numbers_have_an_end(subject: &Subject) {
    // How often may be asked goes by the clock of the store, which does not pass here.
    let mut site = Site::over(subject, |settings| {
        settings.limits.resets = RateLimit::Off;
        settings.limits.resets_of_address = RateLimit::Off;
        settings.limits.phone_verifications = RateLimit::Off;
    });
    let mut numbers = Vec::new();
    for number in 0..40 {
        let phone = site.owner(COUNTRIES[0], 50_000 + 1_000 * number);
        numbers.push(phone.await);
    }
    // One network has messages sent to all of them, each once an hour.
    let (first, mut sent) = (site.clock.now(), 0);
    for _ in 0..6 {
        for phone in &numbers {
            sent += u32::from(site.is_sent(1_000, phone).await);
            site.clock.advance(Duration::from_secs(4));
        }
        site.clock
            .advance(HOUR.saturating_sub(Duration::from_secs(160)));
    }
    assert!((20..=23).contains(&sent), "{sent} of 240 from one network");
    // Then each time another one.
    let mut network = 2_000;
    for _ in 0..14 {
        for phone in &numbers {
            network += 1;
            sent += u32::from(site.is_sent(network, phone).await);
        }
        site.clock.advance(HOUR);
    }
    assert!(site.clock.now() < first + HOUR * 23, "it is one day");
    assert_eq!(sent, 400, "twice the budget of the site");
    site.clock.advance(HOUR * 26);
    let first = numbers.first().expect("there are forty");
    assert!(site.is_sent(1, first).await, "a day later");
}
