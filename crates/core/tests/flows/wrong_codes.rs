//! Wrong codes: they slow down and stop, for a name that nobody has as for others, and nobody uses up what another has.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit};
use phone_auth_core::accounts::{Accounts, CodeRefusal, CurrentUser, FailureKind, FlowError};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::clock::Clock as _;
use phone_auth_core::limits::{LimitSettings, RateLimit, TextGuard};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{
    Capture, Event, LoginEmail, LoginPhone, OneTimeCode, ResetPasswordEmail, ResetPasswordPhone,
    Signals, VerifyEmail, VerifyPhone,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const NOBODYS_PHONE: &str = "+919876543299";

/// A code that no message had.
struct WrongCode {
    takes: Vec<Box<dyn FnMut() -> Vec<String>>>,
    sent: Vec<String>,
}

impl WrongCode {
    fn of(signals: &Signals) -> Self {
        fn take<E: Event + Clone>(
            signals: &Signals,
            code: fn(&E) -> Option<&OneTimeCode>,
        ) -> Box<dyn FnMut() -> Vec<String>> {
            let mut sent: Capture<E> = signals.capture();
            Box::new(move || {
                let taken = sent.take();
                let codes = taken.iter().filter_map(|event| code(event));
                codes.map(|code| code.as_str().to_owned()).collect()
            })
        }
        Self {
            takes: vec![
                take(signals, |it: &ResetPasswordEmail| it.envelope.code.as_ref()),
                take(signals, |it: &ResetPasswordPhone| it.envelope.code.as_ref()),
                take(signals, |it: &LoginEmail| it.envelope.code.as_ref()),
                take(signals, |it: &LoginPhone| it.envelope.code.as_ref()),
                take(signals, |it: &VerifyEmail| it.envelope.code.as_ref()),
                take(signals, |it: &VerifyPhone| it.envelope.code.as_ref()),
            ],
            sent: Vec::new(),
        }
    }

    /// The code that was sent last.
    fn last(&mut self) -> String {
        self.read();
        self.sent.last().unwrap().clone()
    }

    fn read(&mut self) {
        self.sent
            .extend(self.takes.iter_mut().flat_map(|take| take()));
    }

    fn next(&mut self) -> String {
        self.read();
        let mut codes = (0..1_000_000).map(|number| format!("{number:06}"));
        codes.find(|code| !self.sent.contains(code)).unwrap()
    }
}

/// A site with its limits, but for those of requests and texts.
fn site() -> Kit {
    Kit::with_settings(|settings| {
        settings.login_by_code = true;
        settings.limits = LimitSettings::default();
        settings.limits.resets_of_address = RateLimit::Off;
        settings.limits.text_guard = TextGuard::Off;
    })
}

async fn verify(kit: &Kit, kinds: &[AddressKind]) {
    let user = kit.current_user("ann", HORSE).await;
    for kind in kinds {
        let address = kit.address(&user, *kind).await;
        let (id, token) = kit.verification_link(&user, &address).await;
        let in_session = kit.accounts.for_client(Client::new().signed_in(&user));
        let _ = in_session.verify_address(&id, &token).await.unwrap();
    }
}

/// What a wrong code came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Left(u32),
    Over,
    Limited(Duration),
}

fn told<T: std::fmt::Debug>(result: Result<T, FlowError<CodeRefusal>>) -> Told {
    match result.unwrap_err() {
        FlowError::Refused(CodeRefusal::Wrong { left }) => Told::Left(left),
        FlowError::Refused(CodeRefusal::Over) => Told::Over,
        FlowError::Refused(CodeRefusal::Unreadable) => panic!("it has six digits"),
        FlowError::Refused(CodeRefusal::NewPassword) => panic!("the password is that of the user"),
        FlowError::Failed(failure) => match failure.kind() {
            FailureKind::Limited { wait, .. } => Told::Limited(wait),
            _ => panic!("{failure:?}"),
        },
    }
}

/// The accounts as a browser that is not known sees them, at the address with this number.
fn stranger_at(kit: &Kit, number: u32) -> Accounts {
    let address = Ipv4Addr::from(0xcb00_0000 | number);
    kit.accounts.for_client(Client::new().at(address.into()))
}

/// Asks for a code, and types this one.
async fn ask_and_type(
    accounts: &Accounts,
    name: &str,
    purpose: Purpose,
    code: impl FnOnce() -> String,
) -> Result<(), FlowError<CodeRefusal>> {
    if purpose == Purpose::LogIn {
        let key = accounts.begin_log_in(name, None).await.unwrap();
        let typed = accounts.log_in_by_code(&key, &code(), None).await;
        typed.map(drop)
    } else {
        let key = accounts.begin_reset(name, None).await.unwrap();
        accounts.prove_reset(&key, &code()).await.map(drop)
    }
}

/// What wrong codes come to, each for a challenge of its own, from one of so many networks and with one of these purposes in
/// turn, until there is nothing more to wait for.
async fn guesses(kit: &Kit, name: &str, purposes: &[Purpose], networks: u32) -> Vec<Told> {
    let mut wrong = WrongCode::of(&kit.signals);
    let mut seen = Vec::new();
    for (number, purpose) in (0..2_000_u32).zip(purposes.iter().cycle()) {
        let stranger = stranger_at(kit, number % networks);
        let answer = told(ask_and_type(&stranger, name, *purpose, || wrong.next()).await);
        seen.push(answer.clone());
        match answer {
            Told::Limited(wait) if wait > DAY => return seen,
            Told::Limited(wait) => kit.clock.advance(wait + SECOND),
            _ => {}
        }
    }
    panic!("there is no end");
}

/// A hundred wrong ones of a purpose in all, over however many codes; then the link alone helps. Nobody learns by them who is
/// there, nor which address is verified.
#[tokio::test]
async fn wrong_codes_slow_down_and_stop() {
    use AddressKind::{Email, Phone};
    use Purpose::{LogIn, ResetPassword};
    for (purposes, networks) in [
        (&[ResetPassword][..], 1),
        (&[LogIn], 2_000),
        (&[ResetPassword, LogIn], 2_000),
    ] {
        let mut walks = Vec::new();
        for (name, verified) in [
            (ANNS_EMAIL, &[Email][..]),
            (ANNS_EMAIL, &[]),
            (ANNS_PHONE, &[Phone]),
            ("ann", &[Email, Phone]),
            ("ann", &[Phone]),
            ("nobody@example.org", &[]),
            (NOBODYS_PHONE, &[]),
            ("nobody", &[]),
        ] {
            let kit = site();
            kit.sign_up_ann().await;
            verify(&kit, verified).await;
            walks.push((name, guesses(&kit, name, purposes, networks).await));
        }
        let (_, expected) = walks.first().unwrap().clone();
        for (name, walk) in walks {
            assert!(walk == expected, "{name} {purposes:?} {networks}: {walk:?}");
        }
        let compared = expected.iter().filter(|it| **it == Told::Left(4)).count();
        let waits = expected.iter().filter_map(|it| match it {
            Told::Limited(wait) => Some(wait.as_secs()),
            _ => None,
        });
        let waits: Vec<_> = waits.collect();
        if let [_] = purposes {
            assert_eq!(compared, 100);
            // Ten cost no time, then each takes twice as long, up to a quarter of an hour.
            assert_eq!(waits.get(..6).unwrap(), [1, 2, 4, 8, 16, 32]);
            let waited: u64 = waits.iter().filter(|wait| **wait <= 900).sum();
            if networks == 1 {
                assert_eq!(waits.get(30), Some(&900));
                assert!(waited > 18 * 3_600, "{waited} s");
            } else {
                assert!(waited > 4 * 3_600, "{waited} s");
            }
        }
    }
}

/// Who guesses as often as it goes, from a few networks, does not keep out an owner without a known browser, who is at another one.
/// Where no network is known, ten wrong codes do not.
#[tokio::test]
async fn guesses_of_strangers_do_not_keep_the_owner_out() {
    use AddressKind::{Email, Phone};
    const MINUTES: [u64; 3] = [0, 20, 480];
    for purpose in [Purpose::ResetPassword, Purpose::LogIn] {
        for (name, strangers, minutes) in [
            (ANNS_EMAIL, 1, &MINUTES[..]),
            (ANNS_PHONE, 1, &MINUTES),
            ("ann", 1, &MINUTES),
            (ANNS_EMAIL, 3, &MINUTES),
            (ANNS_PHONE, 0, &MINUTES[..1]),
        ] {
            for after in minutes {
                let kit = site();
                kit.sign_up_ann().await;
                verify(&kit, &[Email, Phone]).await;
                let mut codes = WrongCode::of(&kit.signals);
                let waited = guess_for(&kit, &mut codes, name, purpose, (strangers, *after)).await;
                assert!(waited, "{name} {purpose:?} {strangers} {after} min");

                // A code of the owner's own, not one that a stranger has asked for.
                let _ = codes.next();
                let owner = match strangers {
                    0 => kit.accounts.clone(),
                    _ => stranger_at(&kit, 0x1_0000),
                };
                let right = || codes.last();
                let entered = ask_and_type(&owner, name, purpose, right).await;
                assert!(
                    entered.is_ok(),
                    "{name} {purpose:?} {strangers} {after} min: {entered:?}"
                );
            }
        }
    }
}

/// Types wrong codes from so many networks, each time as soon as it goes, for so many minutes, and after that until all have to
/// wait; whether they had to.
async fn guess_for(
    kit: &Kit,
    codes: &mut WrongCode,
    name: &str,
    purpose: Purpose,
    (networks, minutes): (u32, u64),
) -> bool {
    if networks == 0 {
        for _ in 0..10 {
            let typed = ask_and_type(&kit.accounts, name, purpose, || codes.next()).await;
            assert_eq!(told(typed), Told::Left(4));
        }
        return true;
    }
    let begun = kit.clock.now();
    for _ in 0..100_000 {
        let mut wait = Some(Duration::MAX);
        for network in 0..networks {
            let stranger = stranger_at(kit, network);
            let typed = ask_and_type(&stranger, name, purpose, || codes.next()).await;
            wait = match told(typed) {
                Told::Limited(longer) => wait.map(|wait| wait.min(longer)),
                Told::Left(_) | Told::Over => None,
            };
        }
        let Some(wait) = wait else { continue };
        let is_over = (kit.clock.now() - begun).num_minutes() >= i64::try_from(minutes).unwrap();
        if is_over || wait > DAY {
            return wait <= Duration::from_mins(15);
        }
        kit.clock.advance(wait);
    }
    panic!("no limit ends it");
}

/// There is an end for networks that have tried nothing as well, and a right code ends what was counted of them.
#[tokio::test]
async fn hundredth_wrong_code_stops_everyone() {
    let kit = site();
    kit.sign_up_ann().await;
    guesses(&kit, ANNS_EMAIL, &[Purpose::ResetPassword], 40).await;
    let mut codes = WrongCode::of(&kit.signals);
    let owner = stranger_at(&kit, 0x1_0000);
    let right = || codes.last();
    let typed = ask_and_type(&owner, ANNS_EMAIL, Purpose::ResetPassword, right).await;
    let Told::Limited(wait) = told(typed) else {
        panic!("it goes on");
    };
    assert!(wait > 29 * DAY, "{wait:?}");
    let ann = kit
        .accounts
        .clear_limits_of_login(ANNS_EMAIL)
        .await
        .unwrap();
    assert!(ann > 0);
    // For as long a process may go on refusing.
    kit.clock.advance(Duration::from_secs(5));
    let right = || codes.last();
    let typed = ask_and_type(&owner, ANNS_EMAIL, Purpose::ResetPassword, right).await;
    assert!(typed.is_ok(), "{typed:?}");
}

/// A wrong code is counted as often for nobody as for others.
#[tokio::test]
async fn wrong_code_costs_the_same() {
    use AddressKind::{Email, Phone};
    let mut rows = Vec::new();
    for (name, verified) in [
        (ANNS_EMAIL, &[Email][..]),
        ("ann", &[Email, Phone]),
        ("ann", &[Phone]),
        ("ann", &[]),
        ("nobody@example.org", &[]),
        ("nobody", &[]),
    ] {
        let kit = site();
        kit.sign_up_ann().await;
        verify(&kit, verified).await;
        kit.clock.advance(DAY);
        kit.accounts.remove_empty_limits().await.unwrap();
        let key = kit.accounts.begin_reset(name, None).await.unwrap();
        let wrong = WrongCode::of(&kit.signals).next();
        let left = told(kit.accounts.prove_reset(&key, &wrong).await);
        assert_eq!(left, Told::Left(4), "{name}");
        kit.clock.advance(31 * DAY);
        // The challenge, two counters for each kind of address, and that of Ann's log-in; of a username, which may have a
        // number, that of texts.
        rows.push(kit.accounts.remove_empty_limits().await.unwrap());
    }
    assert_eq!(rows, [6, 7, 7, 7, 6, 7]);
}

/// A browser of Ann's: of none that is known, of one that is, or signed in.
fn browsers(kit: &Kit, user: &CurrentUser) -> [Accounts; 3] {
    let devices = kit.accounts.remember_device(user.user()).unwrap();
    let devices = Devices::parse(&devices.text());
    [
        Client::new(),
        Client::new().with_devices(devices),
        Client::new().signed_in(user),
    ]
    .map(|client| kit.accounts.for_client(client))
}

async fn begin(
    accounts: &Accounts,
    user: &CurrentUser,
    address: &AddressRecord,
) -> Option<ChallengeKey> {
    let begun = accounts.begin_verification(user, address.kind, address.id);
    begun.await.ok().map(Option::unwrap)
}

/// Who is signed in and guesses the code of an address that is not theirs comes to an end, however many browsers they have.
#[tokio::test]
async fn guesses_of_a_verification_come_to_an_end() {
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let kit = site();
        kit.sign_up_ann().await;
        let user = kit.current_user("ann", HORSE).await;
        let address = kit.address(&user, kind).await;
        let mut wrong = WrongCode::of(&kit.signals);
        let mut compared = 0;
        let mut longest = Duration::ZERO;
        for _ in 0..400 {
            for accounts in browsers(&kit, &user) {
                let Some(key) = begin(&accounts, &user, &address).await else {
                    continue;
                };
                let verified = accounts.verify_by_code(&user, &key, &wrong.next()).await;
                match told(verified) {
                    Told::Left(_) => compared += 1,
                    Told::Over => {}
                    Told::Limited(wait) => longest = longest.max(wait),
                }
            }
            kit.clock.advance(Duration::from_mins(16));
        }
        assert!(longest > DAY, "{kind}: {longest:?}");
        assert_eq!(compared, 100, "{kind}");
    }
}

/// Who asks once more without the key, from however many browsers, has the attempts that are left, and the store one row.
#[tokio::test]
async fn asking_without_the_key_gives_no_attempts() {
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let kit = site();
        let ann = kit.sign_up_ann().await;
        kit.clock.advance(DAY);
        kit.accounts.remove_empty_limits().await.unwrap();
        let user = kit.current_user("ann", HORSE).await;
        let address = kit.address(&user, kind).await;
        let mut wrong = WrongCode::of(&kit.signals);
        let first = begin(&kit.accounts, &user, &address).await.unwrap();
        let mut lefts = Vec::new();
        for accounts in browsers(&kit, &user) {
            kit.clock.advance(SECOND);
            for _ in 0..2 {
                let key = begin(&accounts, &user, &address).await.unwrap();
                assert_eq!(key.reveal(), first.reveal());
                let verified = accounts.verify_by_code(&user, &key, &wrong.next()).await;
                lefts.push(told(verified));
            }
        }
        let expected = [4, 3, 2, 1].map(Told::Left);
        assert_eq!(lefts.get(..4).unwrap(), expected, "{kind}");
        assert_eq!(lefts.get(4..).unwrap(), [Told::Over, Told::Over], "{kind}");
        // The page that a double click on the form of a sign-up leads to gives none either.
        if let Some((coded, key)) = kit.accounts.sign_up_code(ann.id).await.unwrap()
            && coded.kind == kind
        {
            let code = wrong.next();
            let verified = kit.accounts.verify_by_code(&user, &key, &code);
            assert_eq!(told(verified.await), Told::Over, "{kind}");
        }
        let codes = kit.accounts.pending_code(&first, Purpose::Verify).await;
        assert_eq!(codes.unwrap().unwrap().attempts_left, 0);
    }
}

/// Two who claim the same address have attempts and counters of their own.
#[tokio::test]
async fn claimants_use_up_nothing_of_each_other() {
    let kit = site();
    kit.sign_up_ann().await;
    kit.sign_up_bob().await;
    let mut claims = Vec::new();
    for name in ["ann", "bob"] {
        let user = kit.current_user(name, HORSE).await;
        let added = kit
            .accounts
            .add_address(&user, AddressKind::Email, "us@home.example");
        claims.push((added.await.unwrap(), user));
    }
    let mut wrong = WrongCode::of(&kit.signals);
    let mut lefts = Vec::new();
    for (address, user) in &claims {
        let accounts = kit.accounts.for_client(Client::new().signed_in(user));
        let key = begin(&accounts, user, address).await.unwrap();
        for _ in 0..4 {
            lefts.push(told(
                accounts.verify_by_code(user, &key, &wrong.next()).await,
            ));
        }
    }
    let expected = [4, 3, 2, 1].map(Told::Left);
    assert_eq!(lefts, [expected.clone(), expected].concat());
}

/// Each who claims an address has a code of their own, and a counter. All of them together come to an end all the same, however
/// many they are and wherever they come from.
#[tokio::test]
async fn guesses_of_many_claimants_come_to_an_end() {
    let kit = site();
    let mut wrong = WrongCode::of(&kit.signals);
    let mut compared = 0;
    for number in 0..120_u8 {
        let name = format!("eve{number}");
        let user = kit.store_user(&name, HORSE).await;
        let session = kit.accounts.begin_session(user.id, None).await.unwrap();
        let user = kit.accounts.current_user(&session.key).await;
        let user = user.unwrap().unwrap();
        let added = kit
            .accounts
            .add_address(&user, AddressKind::Email, "us@home.example");
        let address = added.await.unwrap();
        let client = Client::new().at([198, 51, number, 7].into());
        let accounts = kit.accounts.for_client(client.signed_in(&user));
        kit.clock.advance(SECOND * 30);
        let Some(key) = begin(&accounts, &user, &address).await else {
            continue;
        };
        for _ in 0..5 {
            let verified = accounts.verify_by_code(&user, &key, &wrong.next()).await;
            compared += usize::from(matches!(told(verified), Told::Left(_)));
        }
    }
    assert!((100..=130).contains(&compared), "{compared}");
}

/// Claimants who have used up what all may, at the networks they come from, leave others what networks have that tried few: the
/// owner types the code at the same moment. Where those have been used up as well, the owner waits.
#[tokio::test]
async fn claimants_leave_networks_that_tried_few_their_own() {
    for (claimants, is_let_in) in [(21, true), (25, false)] {
        let kit = site();
        let mut wrong = WrongCode::of(&kit.signals);
        for number in 0..claimants {
            let (accounts, user, key) = claimant(&kit, &format!("eve{number}"), number).await;
            for _ in 0..5 {
                drop(accounts.verify_by_code(&user, &key, &wrong.next()).await);
            }
        }
        let (accounts, user, key) = claimant(&kit, "mallory", claimants - 1).await;
        let guess = accounts.verify_by_code(&user, &key, &wrong.next()).await;
        assert!(matches!(told(guess), Told::Limited(_)), "{claimants}");

        let mut sent = kit.signals.capture::<VerifyEmail>();
        let (accounts, user, key) = claimant(&kit, "owner", 200).await;
        let code = sent.take().remove(0).envelope.code.unwrap();
        let verified = accounts.verify_by_code(&user, &key, code.as_str()).await;
        assert_eq!(verified.is_ok(), is_let_in, "{claimants}: {verified:?}");
    }
}

/// A user of this name at a network of their own, who has a code sent to an address that others have added as well.
async fn claimant(kit: &Kit, name: &str, network: u8) -> (Accounts, CurrentUser, ChallengeKey) {
    let user = kit.store_user(name, HORSE).await;
    let session = kit.accounts.begin_session(user.id, None).await.unwrap();
    let user = kit.accounts.current_user(&session.key).await;
    let user = user.unwrap().unwrap();
    let added = kit
        .accounts
        .add_address(&user, AddressKind::Email, "us@home.example");
    let address = added.await.unwrap();
    let client = Client::new().at([198, 51, network, 7].into());
    let accounts = kit.accounts.for_client(client.signed_in(&user));
    let key = begin(&accounts, &user, &address).await.unwrap();
    (accounts, user, key)
}

/// Who has to wait for what others have typed has tried nothing: the code is good when the wait is over, and so are all the
/// attempts of a name that nobody has.
#[tokio::test]
async fn code_that_was_limited_is_no_attempt() {
    for purpose in [Purpose::ResetPassword, Purpose::LogIn] {
        for (name, is_ann) in [(ANNS_EMAIL, true), ("nobody@example.org", false)] {
            let kit = site();
            kit.sign_up_ann().await;
            verify(&kit, &[AddressKind::Email]).await;
            let mut codes = WrongCode::of(&kit.signals);
            assert!(guess_for(&kit, &mut codes, name, purpose, (1, 0)).await);
            let accounts = stranger_at(&kit, 0);
            let is_reset = purpose == Purpose::ResetPassword;
            let key = if is_reset {
                accounts.begin_reset(name, None).await.unwrap()
            } else {
                accounts.begin_log_in(name, None).await.unwrap()
            };
            let typed = async |code: &str| {
                if is_reset {
                    accounts.prove_reset(&key, code).await.map(drop)
                } else {
                    accounts.log_in_by_code(&key, code, None).await.map(drop)
                }
            };
            let code = if is_ann {
                codes.last()
            } else {
                "123456".to_owned()
            };
            let mut longest = Duration::ZERO;
            for _ in 0..7 {
                let Told::Limited(wait) = told(typed(&code).await) else {
                    panic!("{name}: nothing is limited");
                };
                longest = longest.max(wait);
            }
            // Told to wait a moment ago: nobody asks the store, which would not answer.
            kit.store.fail_with(StoreErrorKind::Unavailable);
            assert!(matches!(told(typed(&code).await), Told::Limited(_)));
            kit.store.recover();
            kit.clock.advance(longest);
            let ended = typed(&code).await;
            if is_ann {
                assert!(ended.is_ok(), "{purpose:?}: {ended:?}");
            } else {
                assert_eq!(told(ended), Told::Left(4), "{purpose:?}");
            }
        }
    }
}
