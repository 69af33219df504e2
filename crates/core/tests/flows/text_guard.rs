//! What text messages may cost, at the budgets that ship: whom a refusal meets, and what is told of it. Who earns by messages
//! is stopped over each store, in the suite of limits.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::common::{ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::{AddressKind, PhoneNumber};
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::clock::Clock;
use phone_auth_core::limits::{LimitSettings, TextCountries, TextGuard};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{EncodedPassword, Password};
use phone_auth_core::store::{LimitStore, UserStore};
use phone_auth_core::user::NewUser;
use phone_auth_events::{MessageRefusal, MessageRefused};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Numbers of six countries, where digits stand for `#`.
const COUNTRIES: [&str; 6] = [
    "+9198765#####",
    "+447400######",
    "+417912#####",
    "+336123#####",
    "+346123#####",
    "+4915112######",
];

/// An address in the network of this number.
fn address(network: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x1400_0000 + network * 256)
}

struct Site {
    kit: Kit,
    password: EncodedPassword,
    users: u32,
}

impl Site {
    async fn new(change: impl FnOnce(&mut LimitSettings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            change(&mut settings.limits);
        });
        let password = kit.encoded(HORSE).await;
        Self {
            kit,
            password,
            users: 0,
        }
    }

    /// Someone who has a number of this form.
    async fn user(&mut self, country: &str, number: u32) -> String {
        self.users += 1;
        let (start, width) = (country.trim_end_matches('#'), country.matches('#').count());
        let text = format!("{start}{number:0width$}");
        let phone = PhoneNumber::parse(&text).unwrap();
        let new = NewUser {
            username: format!("user{}", self.users),
            first_name: String::new(),
            last_name: String::new(),
            password: self.password.clone(),
            email: None,
            phone: Some(phone.clone()),
            date_joined: self.kit.clock.now(),
            notices: Notices::default(),
            closes_at: None,
        };
        self.kit.store.create_user(&new).await.unwrap();
        phone.to_string()
    }

    /// The flows for a client of its own network, one for each number.
    fn client(&self, network: u32) -> Accounts {
        let client = Client::new().at(address(network).into());
        self.kit.accounts.for_client(client)
    }

    /// Asks for a reset; the link, if a message was sent. The answer never says whether one was.
    async fn ask(&self, network: u32, phone: &str) -> Option<(String, String)> {
        self.kit.record.forget();
        let asked = self.client(network).request_password_reset(phone).await;
        asked.unwrap();
        let messages = self.kit.record.messages();
        Some(messages.first()?.parts())
    }

    /// Uses a link.
    async fn open(&self, network: u32, (id, token): &(String, String)) {
        let new = Password::new(STAPLE);
        let client = self.client(network);
        client.reset_password(id, token, &new, &new).await.unwrap();
    }
}

/// From a browser that is known and at a number that is proven. A stranger at the same number has one sent in an hour, as the
/// owner may be one: no matter who asks, it is the owner who gets it.
#[tokio::test]
async fn owner_has_a_place_of_their_own() {
    let mut site = Site::new(|_| {}).await;
    site.kit.sign_up_ann().await;
    let ann = site.kit.current_user("ann", HORSE).await;
    let phone = site.kit.address(&ann, AddressKind::Phone).await;
    let known = site.kit.accounts.remember_device(ann.user()).unwrap();
    let known = Client::new().with_devices(Devices::parse(&known.text()));
    let known = site.kit.accounts.for_client(known);
    let asked = async |site: &Site, accounts: &Accounts| {
        site.kit.record.forget();
        let mut sent = 0;
        for _ in 0..5 {
            accounts.request_password_reset(ANNS_PHONE).await.unwrap();
            sent += site.kit.record.messages().len();
            site.kit.record.forget();
            site.kit.clock.advance(MINUTE);
        }
        sent
    };
    let fill = async |site: &mut Site| {
        for number in 0..30 {
            let other = 20_000 + 1_000 * number + site.users;
            let other = site.user(COUNTRIES[0], other).await;
            site.ask(1_000 + number, &other).await;
        }
    };
    fill(&mut site).await;
    // Not while nobody has proven the number.
    assert_eq!(asked(&site, &known).await, 0);
    site.kit.clock.advance(HOUR * 25);
    let (id, token) = site.kit.verification_link(&ann, &phone).await;
    drop(site.kit.accounts.verify_address(&id, &token).await.unwrap());
    fill(&mut site).await;
    to_next_hour(&site);
    assert_eq!(asked(&site, &site.client(1)).await, 1);
    assert_eq!(asked(&site, &site.client(2)).await, 0, "one in an hour");
    assert_eq!(asked(&site, &known).await, 3);
    assert_eq!(asked(&site, &known).await, 0, "three a day");
    to_next_hour(&site);
    assert_eq!(asked(&site, &site.client(3)).await, 1);
    site.kit.clock.advance(HOUR * 25);
    fill(&mut site).await;
    to_next_hour(&site);
    assert_eq!(asked(&site, &known).await, 3);
}

/// Messages are counted by hours of the clock.
fn to_next_hour(site: &Site) {
    let into_hour = site.kit.clock.now().timestamp().rem_euclid(3_600);
    let left = 3_600 - into_hour.unsigned_abs();
    site.kit.clock.advance(Duration::from_secs(left));
}

/// Messages to one number end before any other number goes without.
#[tokio::test]
async fn one_number_uses_up_no_budget_of_others() {
    let mut site = Site::new(|_| {}).await;
    let victim = site.user(COUNTRIES[0], 500).await;
    let mut sent = 0;
    for number in 0..48 {
        sent += usize::from(site.ask(number, &victim).await.is_some());
        site.kit.clock.advance(MINUTE * 15);
    }
    assert_eq!(sent, 5);
    let told = site.kit.record.take_flows();
    let line = "message_refused request_password_reset user1 number enforced";
    assert!(told.contains(&line.to_owned()), "{told:?}");
    let neighbour = site.user(COUNTRIES[0], 501).await;
    assert!(site.ask(100, &neighbour).await.is_some());
    let elsewhere = site.user(COUNTRIES[0], 90_500).await;
    assert!(site.ask(101, &elsewhere).await.is_some());
}

/// Someone who has messages sent to a number of their own, and uses each, has no more than so many.
#[tokio::test]
async fn used_messages_have_an_end_too() {
    let mut site = Site::new(|_| {}).await;
    let own = site.user(COUNTRIES[0], 500).await;
    let mut sent = 0;
    for number in 0..300 {
        if let Some(link) = site.ask(number % 250, &own).await {
            site.open(number % 250, &link).await;
            sent += 1;
        }
        site.kit.clock.advance(MINUTE / 5);
    }
    assert!((18..=20).contains(&sent), "{sent}: ten, and ten an hour");
    let used = site.kit.accounts.text_use().await.unwrap();
    assert!(used.iter().all(|it| it.unused_day <= 20), "{used:?}");
}

/// Numbers that nobody has can be made up without end; what is kept of them is not without end.
#[tokio::test]
async fn numbers_of_nobody_share_few_rows() {
    let site = Site::new(|_| {}).await;
    for number in 0..2_000 {
        let nobodys = format!("+9198{:08}", number * 1_000);
        site.ask(number % 200, &nobodys).await;
    }
    let rows = site.kit.store.texts_after(None, 100_000).await.unwrap();
    for name in ["prefix", "number", "none"] {
        let places = rows.iter().filter(|row| row.scope == name).count();
        // Of 2,000 that draw among 4,096 places.
        assert!((1..=1_650).contains(&places), "{name}: {places}");
    }
    assert!(rows.iter().all(|row| row.sent == 0));
}

#[tokio::test]
async fn operator_clears_what_texts_cost() {
    for (budget, of) in [(200, "a number"), (200, "+91"), (4, "sms")] {
        let mut site = Site::new(|limits| limits.text_site_budget = budget).await;
        let mut number = site.user(COUNTRIES[0], 500).await;
        let (mut sent, mut asked) = (0, 0);
        loop {
            asked += 1;
            assert!(asked < 1_000, "{of}: no budget ends it");
            if of != "a number" {
                number = site.user(COUNTRIES[0], 1_000 * asked).await;
            }
            // What the address may be sent in a minute is no matter here.
            site.kit.clock.advance(MINUTE / 4);
            if site.ask(asked, &number).await.is_none() {
                break;
            }
            sent += 1;
        }
        site.kit.clock.advance(MINUTE / 4);
        assert!((3..=10).contains(&sent), "{of}: {sent}");
        let accounts = &site.kit.accounts;
        let cleared = accounts.clear_texts("+41").await.unwrap();
        assert_eq!(cleared, Some(0), "{of}");
        assert_eq!(accounts.clear_texts("ann").await.unwrap(), None);
        let of = if of == "a number" { &number } else { of };
        assert!(accounts.clear_texts(of).await.unwrap() > Some(0), "{of}");
        assert!(site.ask(asked + 1, &number).await.is_some(), "{of}");
    }
}

#[tokio::test]
async fn network_of_many_countries_is_stopped() {
    let mut site = Site::new(|_| {}).await;
    let mut sent = Vec::new();
    for (number, country) in (0..).zip(COUNTRIES) {
        let phone = site.user(country, number).await;
        sent.push(site.ask(7, &phone).await);
    }
    let was_sent = |sent: &[Option<_>]| sent.iter().map(Option::is_some).collect::<Vec<_>>();
    assert_eq!(was_sent(&sent), [true, true, false, false, false, false]);
    // One that was used opens the others.
    let link = sent.swap_remove(0).unwrap();
    site.open(7, &link).await;
    let phone = site.user(COUNTRIES[5], 77).await;
    assert!(site.ask(7, &phone).await.is_some());
}

/// An office is freed by an operator, of its third country and of what is counted around it.
#[tokio::test]
async fn operator_frees_a_network() {
    let mut site = Site::new(|_| {}).await;
    for (number, country) in (0..).zip(COUNTRIES.into_iter().take(3)) {
        let phone = site.user(country, number).await;
        let is_sent = site.ask(7, &phone).await.is_some();
        assert_eq!(is_sent, number < 2, "{country}");
    }
    let counted = async |site: &Site| {
        let used = site.kit.accounts.text_use().await.unwrap();
        let of_network = used.iter().filter(|it| {
            let about = site.kit.accounts.limits_about_network(address(7).into());
            about.has_texts(it)
        });
        let counted = of_network.map(|it| (it.scope.clone(), it.unused_day));
        counted.collect::<Vec<_>>()
    };
    let of = |name: &str, count| (name.to_owned(), count);
    assert_eq!(counted(&site).await, [of("network", 2), of("wide", 2)]);
    let another = site.kit.accounts.clear_limits_of_network(address(8).into());
    assert_eq!(another.await.unwrap(), 0);
    let phone = site.user(COUNTRIES[3], 77).await;
    assert!(site.ask(7, &phone).await.is_none());
    let cleared = site.kit.accounts.clear_limits_of_network(address(7).into());
    assert!(cleared.await.unwrap() > 0);
    assert_eq!(counted(&site).await, []);
    site.kit.clock.advance(MINUTE);
    assert!(site.ask(7, &phone).await.is_some());
}

/// A message that is asked for: after so many hours, in which country, to which number there, from which network.
type Step = (u32, usize, u32, u32);

/// Each reason that goes by what is counted refuses where the guard enforces, and is told and sends where it records. The two
/// that count nothing refuse in either case.
#[tokio::test]
async fn every_reason_is_recorded_or_enforced() {
    let none: fn(&mut LimitSettings) = |_| {};
    let of_few: fn(&mut LimitSettings) = |limits| limits.text_site_budget = 2;
    let listed: fn(&mut LimitSettings) =
        |limits| limits.text_countries = TextCountries::named(["IN"]).unwrap();
    let of_number = (0..6).map(|network| (1, 0, 500, network));
    let of_code = (0..11).map(|number| (0, 0, 1_000 * number, number));
    // Half of what the thousand has in a day, so that neither it nor the country has used up an hour's.
    let of_thousand =
        (0..11).map(|number| (if number % 5 == 0 { 3 } else { 0 }, 0, number, number));
    let of_network = (0..3).map(|country| (0, country, 1, 7));
    let of_site = (0..3).map(|country| (0, country, 1, u32::try_from(country).unwrap()));
    let cases: [(MessageRefusal, _, Vec<Step>, bool); 7] = [
        (MessageRefusal::Number, none, of_number.collect(), true),
        (MessageRefusal::DialCode, none, of_code.collect(), true),
        (MessageRefusal::Prefix, none, of_thousand.collect(), true),
        (MessageRefusal::Network, none, of_network.collect(), true),
        (MessageRefusal::Site, of_few, of_site.collect(), true),
        (
            MessageRefusal::Country,
            listed,
            vec![(0, 0, 1, 1), (0, 2, 1, 2)],
            false,
        ),
        (
            MessageRefusal::NumberType,
            none,
            vec![(0, 0, 1, 1), (0, 6, 5_678, 2)],
            false,
        ),
    ];
    for (reason, change, steps, is_counted) in cases {
        for guard in [TextGuard::Record, TextGuard::Enforce] {
            let mut site = Site::new(|limits| {
                change(limits);
                limits.text_guard = guard;
            })
            .await;
            let is_recorded = is_counted && guard == TextGuard::Record;
            let mut told = site.kit.signals.capture::<MessageRefused>();
            let mut users = std::collections::HashMap::new();
            for (place, (hours, country, number, network)) in (1..).zip(&steps) {
                let is_last = place == steps.len();
                site.kit.clock.advance(HOUR * *hours + MINUTE / 4);
                let key = (*country, *number);
                if let std::collections::hash_map::Entry::Vacant(entry) = users.entry(key) {
                    let form = COUNTRIES.get(*country).unwrap_or(&"+1900234####");
                    entry.insert(site.user(form, *number).await);
                }
                let is_sent = site.ask(*network, &users[&key]).await.is_some();
                let case = format!("{reason} {guard:?} {place}");
                assert_eq!(is_sent, !is_last || is_recorded, "{case}");
                let refused = told.take();
                let refused: Vec<_> = refused.iter().map(|it| (it.reason, it.enforced)).collect();
                let expected = is_last.then_some((reason, !is_recorded));
                assert_eq!(refused, Vec::from_iter(expected), "{case}");
            }
        }
    }
}

/// The list of countries holds whatever the guard does: it counts nothing.
#[tokio::test]
async fn country_that_is_not_listed_is_sent_nothing() {
    for (guard, is_limited) in [
        (TextGuard::Enforce, true),
        (TextGuard::Record, true),
        (TextGuard::Off, true),
        (TextGuard::Enforce, false),
        (TextGuard::Off, false),
    ] {
        let mut site = Site::new(|limits| {
            limits.danger_off = !is_limited;
            limits.text_guard = guard;
            limits.text_countries = TextCountries::named(["IN", "+44"]).unwrap();
        })
        .await;
        for (country, is_listed) in [
            (COUNTRIES[0], true),
            (COUNTRIES[1], true),
            (COUNTRIES[2], false),
        ] {
            let phone = site.user(country, 1).await;
            let link = site.ask(1, &phone).await;
            assert_eq!(link.is_some(), is_listed, "{guard:?} {country}");
            let mut told = site.kit.record.take_flows();
            told.retain(|line| line.starts_with("message_refused"));
            let username = format!("user{}", site.users);
            let expected = if is_listed {
                vec![]
            } else {
                vec![format!(
                    "message_refused request_password_reset {username} country enforced"
                )]
            };
            assert_eq!(told, expected, "{guard:?} {country}");
        }
    }
}

#[tokio::test]
async fn refused_message_looks_like_one_that_was_sent() {
    let mut site =
        Site::new(|limits| limits.text_countries = TextCountries::named(["IN"]).unwrap()).await;
    let listed = site.user(COUNTRIES[0], 1).await;
    let elsewhere = site.user(COUNTRIES[2], 1).await;
    for phone in [listed.as_str(), &elsewhere, "+41446681800", "+919876500000"] {
        let asked = site.client(1).request_password_reset(phone).await;
        assert!(asked.is_ok(), "{phone}");
    }
    // A stranger's number costs nobody's budget.
    let used = site.kit.accounts.text_use().await.unwrap();
    let used: Vec<_> = used
        .iter()
        .map(|it| (it.scope.as_str(), it.unused_day))
        .collect();
    assert_eq!(
        used,
        [
            ("dial_code +91", 1),
            ("network", 1),
            ("number", 1),
            ("prefix", 1),
            ("site", 1),
            ("wide", 1)
        ]
    );
}

#[tokio::test]
async fn stored_number_of_a_costly_type_is_sent_nothing() {
    for guard in [TextGuard::Enforce, TextGuard::Record, TextGuard::Off] {
        let mut site = Site::new(|limits| limits.text_guard = guard).await;
        let phone = PhoneNumber::parse("+1 900 234 5678").unwrap();
        let premium = site.user("+1900234####", 5678).await;
        assert_eq!(premium, phone.as_str());
        assert!(site.ask(1, &premium).await.is_none(), "{guard:?}");
        let told = site.kit.record.take_flows();
        let line = "message_refused request_password_reset user1 number_type enforced";
        assert_eq!(told, [line], "{guard:?}");
    }
}

#[tokio::test]
async fn verification_counts_and_is_given_back() {
    let site = Site::new(|_| {}).await;
    let kit = &site.kit;
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let phone = kit.address(&ann, AddressKind::Phone).await;
    let unused = async || {
        let used = kit.accounts.text_use().await.unwrap();
        used.iter().map(|it| it.unused_day).collect::<Vec<_>>()
    };
    let (id, token) = kit.verification_link(&ann, &phone).await;
    assert_eq!(unused().await, [1; 4]);
    for _ in 0..2 {
        drop(kit.accounts.verify_address(&id, &token).await.unwrap());
        assert_eq!(unused().await, [0; 4]);
    }
}
