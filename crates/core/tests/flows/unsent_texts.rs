//! Text messages that reach nobody: they use up what nobody else may be sent. What may have gone out stays counted.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Timelike as _};

use crate::common::mailing::{messages, options};
use crate::common::{ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::AddressKind;
use phone_auth_core::client::Client;
use phone_auth_core::clock::Clock as _;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::outbox::{Claim, OutboxWorker, Queues};
use phone_auth_core::password::Password;
use phone_auth_core::store::OutboxStore as _;
use phone_auth_events::{ConnectOptions, ResetPasswordPhone, Retry, Signals, Undelivered};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

const MINUTE: Duration = Duration::from_mins(1);

/// Ann, with an outbox that nobody has text messages of but whom a test connects.
struct Site {
    kit: Kit,
    signals: Signals,
    accounts: Accounts,
    worker: OutboxWorker,
}

impl Site {
    async fn new() -> Self {
        let kit = Kit::with_settings(|settings| settings.limits = LimitSettings::default());
        kit.sign_up_ann().await;
        let signals = Signals::isolated();
        let accounts = kit.with_outbox(&signals);
        let worker = accounts.outbox().unwrap().worker(options());
        Self {
            kit,
            signals,
            accounts,
            worker,
        }
    }

    async fn ask(&self) {
        let asked = self.accounts.request_password_reset(ANNS_PHONE);
        asked.await.unwrap();
        assert!(self.accounts.drain(MINUTE).await);
    }

    /// Has time pass until no message is pending; a link works for ten minutes.
    async fn end(&self) {
        for _ in 0..14 {
            self.worker.deliver_due().await.unwrap();
            let left = messages(&self.accounts).await;
            if left.iter().all(|it| it.dead.is_some()) {
                return;
            }
            self.kit.clock.advance(MINUTE);
            tokio::time::advance(MINUTE).await;
        }
        panic!("a message outlives its link");
    }

    /// How many text messages to Ann's number count as sent and not used, by each of its budgets.
    async fn unused(&self) -> [i64; 4] {
        let used = self.accounts.text_use().await.unwrap();
        ["dial_code +91", "prefix", "number", "site"].map(|name| {
            let scope = used.iter().find(|it| it.scope == name);
            scope.map_or(0, |it| it.unused_day)
        })
    }
}

/// Connects a receiver of resets that fails so at each call.
fn fails(site: &Site, failure: impl Fn() -> Undelivered + Send + Sync + 'static) {
    let receiver = move |_: &ResetPasswordPhone| Err::<(), _>(failure());
    site.signals.connect(receiver).forever();
}

fn never() -> Undelivered {
    Undelivered::new(Retry::Never, "no such number")
}

fn later() -> Undelivered {
    Undelivered::new(Retry::Later, "no route to the gateway").unsent()
}

/// Connects what makes a case and has it happen.
async fn happen(site: &Site, case: &str) {
    match case {
        "it is refused" => fails(site, never),
        "nobody receives it" => {}
        "it is for nobody here" => fails(site, Undelivered::not_mine),
        "one has it, and another refuses" => {
            let has = |_: &ResetPasswordPhone| {};
            site.signals.connect(has).forever();
            fails(site, never);
        }
        "there is no answer, once" => {
            let calls = AtomicUsize::new(0);
            fails(site, move || match calls.fetch_add(1, Ordering::SeqCst) {
                0 => later().unsure(),
                _ => never(),
            });
        }
        "there is a panic" => {
            let panics = |event: &ResetPasswordPhone| assert!(event.phone.is_empty(), "a bug");
            site.signals.connect(panics).forever();
        }
        "it takes too long" => {
            let hangs = |_: ResetPasswordPhone| std::future::pending::<()>();
            site.signals.connect_async(hangs).forever();
        }
        "it times out by itself" => {
            let hangs = |_: ResetPasswordPhone| std::future::pending::<()>();
            let second = ConnectOptions::default().timeout(Duration::from_secs(1));
            site.signals
                .connect_async_with(second, hangs)
                .unwrap()
                .forever();
        }
        _ => fails(site, later),
    }
    if case == "the number is verified meanwhile" {
        let ann = site.kit.current_user("ann", HORSE).await;
        let phone = site.kit.address(&ann, AddressKind::Phone).await;
        let asked = (site.accounts).request_verification(&ann, phone.kind, phone.id);
        let _ = asked.await.unwrap();
        assert_eq!(site.unused().await, [1; 4], "{case}");
        site.kit.prove(&phone).await;
        return;
    }
    site.ask().await;
    assert_eq!(site.unused().await, [1; 4], "{case}");
    if case == "the password is changed meanwhile" {
        let ann = site.kit.current_user("ann", HORSE).await;
        let (old, new) = (Password::new(HORSE), Password::new(STAPLE));
        let changed = site.accounts.change_password(&ann, &old, &new, &new);
        drop(changed.await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn text_that_reached_nobody_costs_nothing() {
    for (case, is_counted) in [
        ("it is refused", false),
        ("the gateway is away until the link expires", false),
        ("nobody receives it", false),
        ("it is for nobody here", false),
        ("the number is verified meanwhile", false),
        ("the password is changed meanwhile", false),
        ("one has it, and another refuses", true),
        ("there is no answer, once", true),
        ("there is a panic", true),
        ("it takes too long", true),
        ("it times out by itself", true),
    ] {
        let site = Site::new().await;
        happen(&site, case).await;
        site.end().await;
        assert_eq!(site.unused().await, [i64::from(is_counted); 4], "{case}");
    }
}

/// A newer request takes the place of a message while a receiver has it: each counts by itself.
#[tokio::test]
async fn text_counts_by_itself_when_a_newer_takes_its_place() {
    for (first, second, left) in [
        ("refused", "refused", 0),
        ("refused", "sent", 1),
        ("sent", "refused", 1),
        ("sent", "sent", 2),
    ] {
        let site = Site::new().await;
        let (accounts, calls) = (site.accounts.clone(), Arc::new(AtomicUsize::new(0)));
        let receiver = move |_: ResetPasswordPhone| {
            let (accounts, calls) = (accounts.clone(), Arc::clone(&calls));
            async move {
                let call = calls.fetch_add(1, Ordering::SeqCst);
                if call == 0 {
                    let asked = accounts.request_password_reset(ANNS_PHONE);
                    asked.await.unwrap();
                }
                match [first, second][call] {
                    "sent" => Ok(()),
                    _ => Err(never()),
                }
            }
        };
        site.signals.connect_async(receiver).forever();
        site.ask().await;
        site.worker.deliver_due().await.unwrap();
        site.worker.deliver_due().await.unwrap();
        assert_eq!(site.unused().await, [left; 4], "{first}, {second}");
    }
}

/// What becomes of a text before another takes its place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    NobodyHadIt,
    TheGatewayIsAway,
    TheGatewayDoesNotAnswer,
    ItsNumberIsAnother,
}

/// Someone asks again before a worker has had the text, or while its gateway is away: the one that waits is the only one.
#[tokio::test(start_paused = true)]
async fn superseded_text_costs_nothing() {
    for (before, left) in [
        (Before::NobodyHadIt, 1),
        (Before::TheGatewayIsAway, 1),
        (Before::TheGatewayDoesNotAnswer, 4),
        (Before::ItsNumberIsAnother, 1),
    ] {
        let site = Site::new().await;
        let is_unsure = before == Before::TheGatewayDoesNotAnswer;
        fails(
            &site,
            move || {
                if is_unsure { later().unsure() } else { later() }
            },
        );
        for _ in 0..3 {
            site.ask().await;
            if matches!(
                before,
                Before::TheGatewayIsAway | Before::TheGatewayDoesNotAnswer
            ) {
                site.worker.deliver_due().await.unwrap();
            }
            site.kit.clock.advance(MINUTE);
            tokio::time::advance(MINUTE).await;
        }
        if before == Before::ItsNumberIsAnother {
            let ann = site.kit.current_user("ann", HORSE).await;
            let phone = site.kit.address(&ann, AddressKind::Phone).await;
            let other = "+919876543299";
            let edit = ExternalChange::EditAddress(phone.kind, phone.id, other.into());
            site.kit.store.make(edit).await;
            (site.accounts.request_password_reset(other)).await.unwrap();
            assert!(site.accounts.drain(MINUTE).await);
            let used = site.accounts.text_use().await.unwrap();
            let numbers = used.iter().filter(|it| it.scope == "number");
            let numbers: Vec<_> = numbers.map(|it| it.unused_day).collect();
            assert_eq!(
                numbers,
                [1, 1],
                "what was counted by the number before stays"
            );
            continue;
        }
        site.ask().await;
        assert_eq!(site.unused().await, [left; 4], "{before:?}");
    }
}

/// Anyone who asks again is sent the same link, and the message stands as though enqueued when that was made. What it has counted
/// is taken back in the hour of its own request all the same: not twice in that of the first.
#[tokio::test(start_paused = true)]
async fn text_is_taken_back_in_its_own_hour() {
    for is_given_up in [false, true] {
        let site = Site::new().await;
        fails(&site, later);
        let pass = async |minutes: u32| {
            site.kit.clock.advance(MINUTE * minutes);
            tokio::time::advance(MINUTE * minutes).await;
        };
        pass(118 - site.kit.clock.now().minute()).await;
        for wait in [3, 1, 0] {
            site.ask().await;
            pass(wait).await;
        }
        if is_given_up {
            site.end().await;
        }
        let left = i64::from(!is_given_up);
        assert_eq!(site.unused().await, [left; 4], "given up: {is_given_up}");
    }
}

/// A worker that is killed may have sent the text: nobody who has it after that gives anything back.
#[tokio::test(start_paused = true)]
async fn text_of_a_killed_worker_stays_counted() {
    for is_killed in [true, false] {
        let site = Site::new().await;
        site.ask().await;
        if is_killed {
            let now = site.kit.clock.now();
            let claim = Claim {
                now,
                until: now + TimeDelta::seconds(1),
                limit: 1,
                without: Queues::default(),
            };
            let killed = site.kit.store.claim_messages(&claim).await.unwrap();
            assert_eq!(killed.len(), 1);
            site.kit.clock.advance(MINUTE);
            tokio::time::advance(MINUTE).await;
        }
        fails(&site, never);
        site.worker.deliver_due().await.unwrap();
        assert!(messages(&site.accounts).await[0].dead.is_some());
        let left = i64::from(is_killed);
        assert_eq!(site.unused().await, [left; 4], "killed: {is_killed}");
    }
}

#[tokio::test]
async fn requeued_text_counts_again() {
    let site = Site::new().await;
    let refuses = (site.signals).connect(|_: &ResetPasswordPhone| Err::<(), _>(never()));
    site.ask().await;
    site.worker.deliver_due().await.unwrap();
    assert_eq!(site.unused().await, [0; 4]);
    let outbox = site.accounts.outbox().unwrap();
    let letter = messages(&site.accounts).await.remove(0);
    for _ in 0..2 {
        outbox.requeue(letter.id).await.unwrap();
        assert_eq!(site.unused().await, [1; 4]);
        site.worker.deliver_due().await.unwrap();
        assert_eq!(site.unused().await, [0; 4]);
    }
    drop(refuses);
    site.signals.connect(|_: &ResetPasswordPhone| {}).forever();
    outbox.requeue(letter.id).await.unwrap();
    site.worker.deliver_due().await.unwrap();
    assert_eq!(site.unused().await, [1; 4]);
}

/// The number of a message that is dead may be another by now, which it has not been counted by.
#[tokio::test]
async fn text_to_a_changed_number_is_taken_off_no_other() {
    let site = Site::new().await;
    site.ask().await;
    let ann = site.kit.current_user("ann", HORSE).await;
    let phone = site.kit.address(&ann, AddressKind::Phone).await;
    let edit = ExternalChange::EditAddress(phone.kind, phone.id, "+919876543299".into());
    site.kit.store.make(edit).await;
    site.worker.deliver_due().await.unwrap();
    assert!(messages(&site.accounts).await[0].dead.is_some());
    let [of_code, ..] = site.unused().await;
    assert_eq!(of_code, 1);
}

/// A gateway that is away for an hour keeps nobody of its country from their messages for a day.
#[tokio::test(start_paused = true)]
async fn outage_of_the_gateway_uses_up_no_budget() {
    let site = Site::new().await;
    for number in 10..50 {
        let name = format!("user{number}");
        site.kit.store_user(&name, "pbkdf2_sha256$1$a$b").await;
    }
    let gateway = (site.signals).connect(|_: &ResetPasswordPhone| Err::<(), _>(later()));
    let client = |number: u32| {
        let address = Ipv4Addr::from_bits(0x1400_0000 + number * 256);
        site.accounts.for_client(Client::new().at(address.into()))
    };
    let ask = async |number: u32| {
        let phone = format!("+4420794600{number:02}");
        let asked = client(number).request_password_reset(&phone).await;
        asked.unwrap();
    };
    for number in 1..41 {
        ask(number).await;
        site.worker.deliver_due().await.unwrap();
        site.kit.clock.advance(MINUTE * 2);
        tokio::time::advance(MINUTE * 2).await;
    }
    site.end().await;
    drop(gateway);
    let mut sent = site.signals.capture::<ResetPasswordPhone>();
    for number in 1..41 {
        ask(number).await;
        site.kit.clock.advance(MINUTE);
        tokio::time::advance(MINUTE).await;
        site.worker.deliver_due().await.unwrap();
        let message = sent.take();
        assert_eq!(message.len(), 1, "{number}");
        let url = message[0].url.as_str().trim_end_matches('/').to_owned();
        let mut parts = url.rsplit('/');
        let (token, id) = (parts.next().unwrap(), parts.next().unwrap());
        let new = Password::new(STAPLE);
        let client = client(number);
        let reset = client.reset_password(id, token, &new, &new);
        reset.await.unwrap();
    }
}
