//! Forms for which the store does what it is asked, and its answer is lost at any step: what was used goes on, or is over, and is
//! never a wrong one; nothing is used twice.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use phone_auth_core::accounts::{
    Accounts, CodeRefusal, CurrentUser, FlowError, InvalidLink, LinkForm, LogInLinkRefusal,
};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{LoginEmail, LoginPhone};

use crate::common::{ANNS_EMAIL, ANNS_PHONE};
use crate::given_up_anywhere::{Form, LONG, Site, sent};

/// What has become of a form whose answer was lost.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// In how many browsers what was sent was good for something.
    uses: usize,
    /// Whether it is over where it was typed, which it is told as.
    is_over: bool,
    sessions: usize,
}

/// Where the same code was asked for.
enum Elsewhere {
    Browser(ChallengeKey),
    /// Another session of the same user.
    Session(CurrentUser),
}

/// Another browser that asks for the same code, by the key that it gets; in the case of a link the one that asked for it.
async fn elsewhere(site: &Site, form: Form) -> Option<Elsewhere> {
    let accounts = &site.kit.accounts;
    let key = match form {
        Form::Confirm => {
            let user = site.session().await;
            // The message that was sent a moment ago is that of this session too.
            let address = site.address.as_ref().unwrap();
            let begun = accounts.begin_reauthentication(&user, address.kind, address.id);
            begun.await.unwrap();
            return Some(Elsewhere::Session(user));
        }
        Form::LogInByLink => site.asked.clone(),
        Form::LogInByCode => accounts.begin_log_in(ANNS_EMAIL, None).await.ok(),
        Form::SignUpByCode | Form::LogInFromUnshown => {
            accounts.begin_log_in(ANNS_PHONE, None).await.ok()
        }
        Form::ResetByCode => accounts.begin_reset(ANNS_EMAIL, None).await.ok(),
        _ => None,
    };
    key.map(Elsewhere::Browser)
}

/// Whether the code works there.
async fn works(accounts: &Accounts, form: Form, key: &ChallengeKey, code: &str) -> bool {
    match form {
        Form::ResetByCode => accounts.prove_reset(key, code).await.is_ok(),
        _ => accounts.log_in_by_code(key, code, None).await.is_ok(),
    }
}

/// Whether what was sent is told as over.
async fn is_over(site: &Site, form: Form) -> bool {
    let (accounts, key, code) = (&site.kit.accounts, &site.asked, site.code.as_str());
    let over = CodeRefusal::Over;
    match (form, key) {
        (Form::LogInByCode | Form::SignUpByCode | Form::LogInFromUnshown, Some(key)) => {
            let flow = accounts.log_in_by_code(key, code, None).await;
            matches!(flow, Err(FlowError::Refused(refusal)) if refusal == over)
        }
        (Form::ResetByCode, Some(key)) => {
            let flow = accounts.prove_reset(key, code).await;
            matches!(flow, Err(FlowError::Refused(refusal)) if refusal == over)
        }
        (Form::Confirm, _) => {
            let user = site.current_user.as_ref().unwrap();
            let flow = site.confirms(user, code).await;
            matches!(flow, Err(FlowError::Refused(refusal)) if refusal == over)
        }
        (Form::LogInByLink, _) => {
            let form = LinkForm {
                asked: &[],
                code,
                token: &site.page,
            };
            let (id, token) = &site.link;
            let over = [
                LogInLinkRefusal::Link(InvalidLink),
                LogInLinkRefusal::Code(over),
            ];
            let flow = accounts.log_in_by_link(id, token, &form, None).await;
            matches!(flow, Err(FlowError::Refused(refusal)) if over.contains(&refusal))
        }
        _ => false,
    }
}

/// Whether who asks for another code gets in.
async fn goes_on(site: &Site, form: Form) -> bool {
    let (accounts, key) = (&site.kit.accounts, site.asked.as_ref());
    site.kit.clock.advance(Duration::from_mins(2));
    if form == Form::Confirm {
        let user = site.session().await;
        let code = site.confirming(&user).await;
        return site.confirms(&user, &code).await.is_ok();
    }
    let (emails, texts) = (
        &mut site.kit.signals.capture::<LoginEmail>(),
        &mut site.kit.signals.capture::<LoginPhone>(),
    );
    let login = match form {
        Form::LogInByCode | Form::LogInByLink => ANNS_EMAIL,
        Form::SignUpByCode | Form::LogInFromUnshown => ANNS_PHONE,
        _ => return false,
    };
    let again = accounts.begin_log_in(login, key).await.unwrap();
    let (code, _) = match login {
        ANNS_EMAIL => sent(&emails.take()),
        _ => sent(&texts.take()),
    };
    works(accounts, form, &again, &code).await
}

/// Has the answer to this call be lost, with all that follows for a while or without; none where the form has fewer.
async fn lost_at(form: Form, calls: u32, (is_down, later): (bool, u64)) -> Option<Outcome> {
    let site = Site::of(form).await;
    let (store, accounts) = (&site.kit.store, &site.kit.accounts);
    let elsewhere = elsewhere(&site, form).await;
    let before = store.session_count();
    store.lose_answer_after(calls);
    if is_down {
        store.fail_after(calls + 1, StoreErrorKind::Unavailable);
    }
    let mut is_answered = site.click(form).await;
    if store.has_answer_to_lose() {
        assert!(is_answered, "{form:?}");
        return None;
    }
    if is_down {
        tokio::time::sleep(Duration::from_secs(5)).await;
        store.recover();
        is_answered = is_answered || site.click(form).await;
    }
    assert!(accounts.drain(LONG).await, "{form:?} {calls}");
    site.kit.clock.advance(Duration::from_mins(later));
    is_answered = is_answered || site.click(form).await;
    let is_over = !is_answered && is_over(&site, form).await;
    let mut uses = usize::from(is_answered);
    uses += usize::from(match &elsewhere {
        Some(Elsewhere::Browser(key)) => works(accounts, form, key, &site.code).await,
        Some(Elsewhere::Session(user)) => site.confirms(user, &site.code).await.is_ok(),
        None => false,
    });
    let sessions = store.session_count() - before;
    if is_over && form != Form::ResetByCode {
        assert!(goes_on(&site, form).await, "{form:?} {calls}");
    }
    Some(Outcome {
        uses,
        is_over,
        sessions,
    })
}

/// How many steps of a form leave what was sent as over, where the store is there at once again, and where it is not. That which ends
/// the link does, for nobody can tell then who has, and that which ends the challenge if it cannot be looked whether it was done. So
/// does each that comes after the account was given to who has shown its address, for the code is derived from what was before.
const FORMS: [(Form, [usize; 2], u64); 10] = [
    (Form::LogInByCode, [1, 2], 2),
    (Form::LogInByLink, [1, 2], 2),
    (Form::SignUpByCode, [3, 7], 2),
    (Form::LogInFromUnshown, [2, 5], 2),
    (Form::VerifyByCode, [0, 0], 0),
    (Form::VerifyByLink, [0, 0], 2),
    (Form::ResetByCode, [0, 0], 2),
    (Form::SetPassword, [0, 0], 0),
    (Form::FreeAddress, [0, 0], 0),
    (Form::Confirm, [1, 2], 2),
];

#[tokio::test(start_paused = true)]
async fn form_whose_answer_is_lost_at_any_step_is_used_once() {
    let mut wrong = Vec::new();
    for (form, may_be_over, longest) in FORMS {
        for (is_down, most) in [false, true].into_iter().zip(may_be_over) {
            for later in [0, longest] {
                let mut over = Vec::new();
                for calls in 0..100 {
                    let Some(outcome) = lost_at(form, calls, (is_down, later)).await else {
                        break;
                    };
                    if outcome.is_over {
                        over.push(calls);
                    }
                    let is_told = outcome.uses == 1 || outcome.is_over && outcome.uses == 0;
                    if !is_told || outcome.sessions > 1 {
                        wrong.push((form, is_down, later, calls, outcome));
                    }
                }
                let all = format!("{form:?} {is_down} {later}: {over:?}");
                assert!(over.len() <= most, "{all}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the first of two clicks gives back, the second finds: it is not told that the code is over which it then is not.
#[tokio::test(start_paused = true)]
async fn second_click_finds_what_was_given_back() {
    let mut wrong = Vec::new();
    for form in [Form::LogInByCode, Form::LogInByLink, Form::VerifyByCode] {
        let mut failed = 0;
        for calls in 0..100 {
            let site = Site::of(form).await;
            site.kit.store.lose_answer_after(calls);
            let clicks = tokio::join!(site.click(form), site.click(form));
            if site.kit.store.has_answer_to_lose() {
                break;
            }
            failed += usize::from(clicks != (true, true));
            assert!(site.kit.accounts.drain(LONG).await, "{form:?} {calls}");
            if clicks == (false, false) && site.click(form).await {
                wrong.push((form, calls));
            }
        }
        assert!(failed > 0, "{form:?}");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
