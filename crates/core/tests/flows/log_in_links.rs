//! Links to log in, in the browser that asked and in others: a program that presses the button behind one uses nothing up.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, Kit, failure, refusal};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, FailureKind, FlowError, InvalidLink, LinkForm, LogInLinkRefusal,
    LoggedIn,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::limits::{LimitSettings, RateLimit, TextGuard};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::AddressStore as _;
use phone_auth_events::{
    Capture, Carries, CarriesTo, LoginEmail, LoginPhone, Message, OneTimeCode,
};

const UNREADABLE: LogInLinkRefusal = LogInLinkRefusal::Code(CodeRefusal::Unreadable);
const OVER: LogInLinkRefusal = LogInLinkRefusal::Code(CodeRefusal::Over);
const USED: LogInLinkRefusal = LogInLinkRefusal::Link(InvalidLink);

const fn wrong(left: u32) -> LogInLinkRefusal {
    LogInLinkRefusal::Code(CodeRefusal::Wrong { left })
}

/// A message, and the browser that asked for it.
#[derive(Clone)]
struct Asked {
    key: [ChallengeKey; 1],
    code: String,
    id: String,
    token: String,
}

impl Asked {
    /// Another code than the right one.
    fn wrong(&self, by: u32) -> String {
        let number: u32 = self.code.parse().unwrap();
        format!("{:06}", (number + by) % 1_000_000)
    }
}

struct Site {
    kit: Kit,
    emails: Capture<LoginEmail>,
    phones: Capture<LoginPhone>,
}

impl Site {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            change(settings);
        });
        let ann = kit.sign_up_ann().await;
        for address in kit.store.addresses_of(ann.id, 10).await.unwrap() {
            kit.prove(&address).await;
        }
        Self {
            emails: kit.signals.capture(),
            phones: kit.signals.capture(),
            kit,
        }
    }

    fn accounts(&self) -> &Accounts {
        &self.kit.accounts
    }

    async fn asked(&mut self, login: &str) -> Asked {
        let key = self.accounts().begin_log_in(login, None).await.unwrap();
        let (emails, phones) = (self.emails.take(), self.phones.take());
        let emails = emails.iter().map(|it| it as &dyn Message);
        let mut all = emails.chain(phones.iter().map(|it| it as &dyn Message));
        let message = all.next().unwrap();
        let link = message.link();
        Asked {
            key: [key],
            code: message.code().map(OneTimeCode::as_str).unwrap().to_owned(),
            id: link.id.to_owned(),
            token: link.token.to_owned(),
        }
    }

    /// The button, in the browser that asked.
    async fn here(&self, asked: &Asked) -> Result<LoggedIn, FlowError<LogInLinkRefusal>> {
        let form = LinkForm {
            asked: &asked.key,
            ..LinkForm::default()
        };
        press(self.accounts(), asked, &form).await
    }

    /// The form with this code, in another.
    async fn there(
        &self,
        asked: &Asked,
        code: &str,
    ) -> Result<LoggedIn, FlowError<LogInLinkRefusal>> {
        let form = LinkForm {
            code,
            ..LinkForm::default()
        };
        press(self.accounts(), asked, &form).await
    }

    /// How many attempts the browser that asked has.
    async fn left(&self, asked: &Asked) -> u32 {
        let [key] = &asked.key;
        let pending = self.accounts().pending_code(key, Purpose::LogIn).await;
        pending.unwrap().unwrap().attempts_left
    }
}

async fn press(
    accounts: &Accounts,
    asked: &Asked,
    form: &LinkForm<'_>,
) -> Result<LoggedIn, FlowError<LogInLinkRefusal>> {
    let flow = accounts.log_in_by_link(&asked.id, &asked.token, form, None);
    flow.await
}

/// What a program sends that presses buttons and fills fields uses up nothing, however often.
#[tokio::test]
async fn pressed_button_elsewhere_uses_nothing_up() {
    for login in [ANNS_EMAIL, ANNS_PHONE] {
        for by_button in [false, true] {
            let mut site = Site::new(|_| {}).await;
            let asked = site.asked(login).await;
            for _ in 0..20 {
                for typed in ["", " ", "12345", "1234567", "test", "on", "a@b.c", "\0"] {
                    let refused = refusal(site.there(&asked, typed).await);
                    assert_eq!(refused, UNREADABLE, "{typed:?}");
                }
            }
            assert_eq!(site.kit.store.session_count(), 0);
            assert_eq!(site.left(&asked).await, 5, "{login}");
            let entered = if by_button {
                site.here(&asked).await
            } else {
                site.there(&asked, &asked.code).await
            };
            assert_eq!(entered.unwrap().user.username, "ann");
            // Both are over, wherever.
            assert_eq!(refusal(site.here(&asked).await), USED);
            assert_eq!(refusal(site.there(&asked, &asked.code).await), USED);
            let [key] = &asked.key;
            let code = site.accounts().log_in_by_code(key, &asked.code, None);
            assert!(code.await.is_err());
        }
    }
}

/// Five at a link, from however many browsers and at once; who asked has their own, and the button.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn link_has_attempts_of_its_own() {
    let mut site = Site::new(|_| {}).await;
    let asked = site.asked(ANNS_EMAIL).await;
    for left in (1..5).rev() {
        let refused = refusal(site.there(&asked, &asked.wrong(left)).await);
        assert_eq!(refused, wrong(left));
    }
    assert_eq!(refusal(site.there(&asked, &asked.wrong(9)).await), OVER);
    for typed in [&asked.wrong(1), &asked.code] {
        assert_eq!(refusal(site.there(&asked, typed).await), OVER);
    }
    assert_eq!(refusal(site.there(&asked, "").await), UNREADABLE);
    assert_eq!(site.left(&asked).await, 5, "no stranger's are the asker's");
    site.here(&asked).await.unwrap();

    site.kit.clock.advance(Duration::from_mins(6));
    let asked = site.asked(ANNS_EMAIL).await;
    let guesses: Vec<_> = (1..=100)
        .map(|by| {
            let (accounts, asked) = (site.accounts().clone(), asked.clone());
            tokio::spawn(async move {
                let code = asked.wrong(by);
                let form = LinkForm {
                    code: &code,
                    ..LinkForm::default()
                };
                refusal(press(&accounts, &asked, &form).await)
            })
        })
        .collect();
    let mut compared = 0;
    for guess in guesses {
        let refused = guess.await.unwrap();
        compared += u32::from(matches!(
            refused,
            LogInLinkRefusal::Code(CodeRefusal::Wrong { .. })
        ));
    }
    assert_eq!(compared, 4, "and one more, which is the last");
    assert_eq!(refusal(site.there(&asked, &asked.code).await), OVER);
}

/// Wrong codes at links count among those of the address, over however many links, as those at challenges do: each link is a
/// browser.
#[tokio::test]
async fn wrong_codes_at_links_are_counted() {
    let mut walks = Vec::new();
    for by_link in [true, false] {
        let mut site = Site::new(|settings| {
            settings.limits = LimitSettings::default();
            settings.limits.resets_of_address = RateLimit::Off;
            settings.limits.text_guard = TextGuard::Off;
        })
        .await;
        let mut tried = 0;
        let limit = 'all: loop {
            let asked = site.asked(ANNS_EMAIL).await;
            let [key] = &asked.key;
            for by in 1..=5 {
                let typed = asked.wrong(by);
                let told = if by_link {
                    site.there(&asked, &typed).await.map_err(|it| match it {
                        FlowError::Failed(failure) => Some(failure),
                        FlowError::Refused(_) => None,
                    })
                } else {
                    let flow = site.accounts().log_in_by_code(key, &typed, None);
                    flow.await.map_err(|it| match it {
                        FlowError::Failed(failure) => Some(failure),
                        FlowError::Refused(_) => None,
                    })
                };
                match told.unwrap_err() {
                    Some(failure) => break 'all failure,
                    None => tried += 1,
                }
            }
            assert!(tried < 50, "nothing counts");
            site.kit.clock.advance(Duration::from_mins(6));
        };
        assert!(matches!(limit.kind(), FailureKind::Limited { .. }));
        walks.push(tried);
        // The button asks for no code.
        let asked = site.asked(ANNS_EMAIL).await;
        let [key] = &asked.key;
        let typed = asked.wrong(1);
        let codes = site.accounts().log_in_by_code(key, &typed, None);
        assert!(failure(codes.await).limited_for().is_some(), "one counter");
        site.here(&asked).await.unwrap();
    }
    assert_eq!(walks.first(), walks.get(1));
}

/// A message that says no code: nobody could type one, so the link is enough in any browser.
#[tokio::test]
async fn link_alone_asks_for_no_code() {
    for (login, asks, by_prefix) in [
        (ANNS_EMAIL, false, "+1"),
        (ANNS_PHONE, true, "+1"),
        (ANNS_PHONE, false, "+91"),
    ] {
        let mut site = Site::new(|settings| {
            settings.email_carries = Carries::Link;
            settings.phone_carries =
                CarriesTo::all(Carries::Code).by_prefix(by_prefix, Carries::Link);
        })
        .await;
        let asked = site.asked(login).await;
        let pressed = site.there(&asked, "").await;
        assert_eq!(pressed.is_err(), asks, "{login} {by_prefix}");
    }
}

/// Neither the key of nobody's code nor that of another's makes a browser the one that asked.
#[tokio::test]
async fn key_of_another_code_is_no_answer() {
    let mut site = Site::new(|_| {}).await;
    let bob = site.kit.sign_up_bob().await;
    let bobs = site.kit.store.addresses_of(bob.id, 10).await.unwrap();
    let email = bobs
        .iter()
        .find(|it| it.kind == AddressKind::Email)
        .unwrap();
    site.kit.prove(email).await;
    let bobs = site.asked(&email.value).await;
    let asked = site.asked(ANNS_EMAIL).await;
    let nobodys = site.accounts().begin_log_in("eve@example.org", None);
    let nobodys = nobodys.await.unwrap();
    let [bobs] = bobs.key;
    let reset = site.accounts().begin_reset(ANNS_EMAIL, None).await.unwrap();
    for other in [bobs, nobodys, reset] {
        let other = [other];
        let form = LinkForm {
            asked: &other,
            ..LinkForm::default()
        };
        let pressed = press(site.accounts(), &asked, &form).await;
        assert_eq!(refusal(pressed), UNREADABLE);
    }
    // A link that is none is told the same, with whatever code.
    for code in ["", "123456"] {
        let none = Asked {
            token: format!("{}x", asked.token),
            ..asked.clone()
        };
        assert_eq!(refusal(site.there(&none, code).await), USED);
    }
    site.here(&asked).await.unwrap();
}

/// The second of two clicks on the form with the code is answered as the first: with the token of its page, and the same code.
#[tokio::test(start_paused = true)]
async fn code_at_a_link_is_taken_twice_by_one_page() {
    let mut site = Site::new(|_| {}).await;
    let asked = site.asked(ANNS_EMAIL).await;
    let accounts = site.accounts();
    let page = || accounts.log_in_form_token(&asked.id, &asked.token).unwrap();
    let (of_page, of_other) = (page(), page());
    let spaced = format!(
        " {} {}",
        asked.code.get(..3).unwrap(),
        asked.code.get(3..).unwrap()
    );
    let form = LinkForm {
        code: &asked.code,
        token: &of_page,
        ..LinkForm::default()
    };
    let first = press(accounts, &asked, &form).await.unwrap();
    let again = LinkForm {
        code: &spaced,
        ..form
    };
    let second = press(accounts, &asked, &again).await.unwrap();
    assert_eq!(second.key.reveal(), first.key.reveal());
    let other_code = asked.wrong(1);
    for other in [
        LinkForm {
            code: &other_code,
            ..form
        },
        LinkForm { code: "", ..form },
        LinkForm {
            token: &of_other,
            ..form
        },
        LinkForm { token: "", ..form },
    ] {
        assert_eq!(refusal(press(accounts, &asked, &other).await), USED);
    }
    assert_eq!(site.kit.store.session_count(), 1);
}

/// As many as click at once, with the code at a link: one session, and all have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn codes_at_a_link_at_once_have_one_session() {
    let mut site = Site::new(|settings| settings.limits = LimitSettings::default()).await;
    let asked = site.asked(ANNS_EMAIL).await;
    let of_page = site.accounts().log_in_form_token(&asked.id, &asked.token);
    let of_page = of_page.unwrap();
    let clicks: Vec<_> = (0..40)
        .map(|_| {
            let (accounts, asked) = (site.accounts().clone(), asked.clone());
            let of_page = of_page.clone();
            tokio::spawn(async move {
                let form = LinkForm {
                    code: &asked.code,
                    token: &of_page,
                    ..LinkForm::default()
                };
                let entered = press(&accounts, &asked, &form).await.unwrap();
                entered.key.reveal().to_owned()
            })
        })
        .collect();
    let mut keys = Vec::new();
    for click in clicks {
        keys.push(click.await.unwrap());
    }
    keys.dedup();
    assert_eq!((keys.len(), site.kit.store.session_count()), (1, 1));
}

/// Two messages go to who is named by a username. Who signs in by one of them, by its link or its code, has ended both: what came
/// to the other address signs nobody in, in whatever browser.
#[tokio::test]
async fn used_message_ends_the_other() {
    for by_link in [false, true] {
        for used in [0, 1] {
            let mut site = Site::new(|_| {}).await;
            let here = site.accounts().begin_log_in("ann", None).await.unwrap();
            let there = site.accounts().begin_log_in("ann", None).await.unwrap();
            let (emails, phones) = (site.emails.take(), site.phones.take());
            let messages: [&dyn Message; 2] = [emails.last().unwrap(), phones.last().unwrap()];
            let [message, other] = if used == 0 {
                messages
            } else {
                [messages[1], messages[0]]
            };
            let code =
                |message: &dyn Message| message.code().map(OneTimeCode::as_str).unwrap().to_owned();
            let accounts = site.accounts();
            let typed = code(message);
            if by_link {
                let form = LinkForm {
                    code: &typed,
                    ..LinkForm::default()
                };
                let link = message.link();
                let flow = accounts.log_in_by_link(link.id, link.token, &form, None);
                assert!(flow.await.is_ok(), "{used}");
            } else {
                let flow = accounts.log_in_by_code(&here, &typed, None);
                assert!(flow.await.is_ok(), "{used}");
            }
            let told = format!("by link: {by_link}, {used}");
            for message in [message, other] {
                let (link, code) = (message.link(), code(message));
                for asked in [
                    &[][..],
                    std::slice::from_ref(&here),
                    std::slice::from_ref(&there),
                ] {
                    let form = LinkForm {
                        asked,
                        code: &code,
                        ..LinkForm::default()
                    };
                    let flow = accounts.log_in_by_link(link.id, link.token, &form, None);
                    assert_eq!(refusal(flow.await), USED, "{told}");
                }
                for key in [&here, &there] {
                    let flow = accounts.log_in_by_code(key, &code, None);
                    assert!(flow.await.is_err(), "{told}");
                }
            }
        }
    }
}

/// A link that is used keeps nobody waiting without end: anyone who has it can have any number of pages of it.
#[tokio::test]
async fn used_link_is_not_waited_for_without_end() {
    let mut site = Site::new(|settings| settings.limits = LimitSettings::default()).await;
    let asked = site.asked(ANNS_EMAIL).await;
    let token = || {
        let token = site.accounts().log_in_form_token(&asked.id, &asked.token);
        token.unwrap()
    };
    let pages: Vec<_> = (0..20).map(|_| token()).collect();
    site.here(&asked).await.unwrap();
    let pressed = async |page: &String| {
        let began = tokio::time::Instant::now();
        let form = LinkForm {
            token: page,
            ..LinkForm::default()
        };
        let again = press(site.accounts(), &asked, &form).await;
        assert_eq!(refusal(again), USED);
        began.elapsed() > Duration::from_secs(1)
    };
    let mut waited = 0;
    for page in pages.get(..7).unwrap() {
        waited += u32::from(pressed(page).await);
    }
    assert_eq!(waited, 5);
    for page in pages.get(7..).unwrap() {
        assert!(!pressed(page).await);
    }
}
