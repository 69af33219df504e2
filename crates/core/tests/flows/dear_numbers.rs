//! Numbers to which a message costs too much: no flow sends them one, also where another program has stored them without asking.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{self, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::{AddAddressRefusal, FlowError, SignUpForm, SignUpRefusal};
use phone_auth_core::accounts::{ReplaceAddressRefusal, VerificationRequestRefusal};
use phone_auth_core::address::{AddressKind, PhoneNumber};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;
use phone_auth_core::settings::{NoticesBy, RefusedNumberTypes};
use phone_auth_events::{LoginPhone, ResetPasswordPhone, SecurityNoticePhone, VerifyPhone};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

const ORDINARY: &str = "+12125552368";
/// A number whose owner earns by each message.
const DEAR: &str = "+19002345678";

/// What may send a text to a number of the user.
#[derive(Clone, Copy, Debug)]
enum Flow {
    Reset,
    ResetByUsername,
    ResetCode,
    LogIn,
    LogInByUsername,
    Verification,
    VerificationCode,
    Notice,
}

const FLOWS: [Flow; 8] = [
    Flow::Reset,
    Flow::ResetByUsername,
    Flow::ResetCode,
    Flow::LogIn,
    Flow::LogInByUsername,
    Flow::Verification,
    Flow::VerificationCode,
    Flow::Notice,
];

/// Whether a request for a link is not refused, or only as it is for a number that costs too much.
fn expect_asked<T>(result: Result<T, FlowError<VerificationRequestRefusal>>, may_refuse: bool) {
    match result {
        Ok(_) => assert!(!may_refuse),
        Err(FlowError::Refused(VerificationRequestRefusal::RefusedNumber)) => assert!(may_refuse),
        Err(error) => assert_eq!(error.to_string(), "", "another error"),
    }
}

/// How many texts a flow sends to this number of a user, which another program has stored.
async fn texts(flow: Flow, number: &str, refused: RefusedNumberTypes) -> usize {
    let kit = Kit::with_settings(|settings| {
        settings.refused_number_types = refused;
        settings.login_by_code = true;
        settings.notices = NoticesBy::All;
    });
    let hash = kit.encoded(HORSE).await;
    let user = kit.store_user("dora", hash.reveal()).await;
    let phone = AddressKind::Phone;
    let own = kit.accounts.addresses_of(user.id).await.unwrap();
    let id = own.iter().find(|it| it.kind == phone).unwrap().id;
    let change = ExternalChange::EditAddress(phone, id, number.to_owned());
    kit.store.make(change).await;
    let is_proven = !matches!(flow, Flow::Verification | Flow::VerificationCode);
    let change = ExternalChange::SetVerified(phone, id, is_proven);
    kit.store.make(change).await;
    let dora = kit.current_user("dora", HORSE).await;

    let mut resets = kit.signals.capture::<ResetPasswordPhone>();
    let mut log_ins = kit.signals.capture::<LoginPhone>();
    let mut proofs = kit.signals.capture::<VerifyPhone>();
    let mut notices = kit.signals.capture::<SecurityNoticePhone>();
    let accounts = &kit.accounts;
    let is_refused = refused.refuse(&PhoneNumber::parse(number).unwrap());
    match flow {
        Flow::Reset => accounts.request_password_reset(number).await.unwrap(),
        Flow::ResetByUsername => accounts.request_password_reset("dora").await.unwrap(),
        Flow::ResetCode => drop(accounts.begin_reset(number, None).await.unwrap()),
        Flow::LogIn => drop(accounts.begin_log_in(number, None).await.unwrap()),
        Flow::LogInByUsername => drop(accounts.begin_log_in("dora", None).await.unwrap()),
        Flow::Verification => {
            let asked = accounts.request_verification(&dora, phone, id);
            expect_asked(asked.await, is_refused);
        }
        Flow::VerificationCode => {
            let asked = accounts.begin_verification(&dora, phone, id);
            expect_asked(asked.await, is_refused);
        }
        Flow::Notice => {
            let [old, new] = [HORSE, STAPLE].map(Password::new);
            let changed = accounts.change_password(&dora, &old, &new, &new);
            drop(changed.await.unwrap());
        }
    }
    let links = resets.take().len() + log_ins.take().len() + proofs.take().len();
    links + notices.take().len()
}

#[tokio::test]
async fn dear_numbers_are_sent_nothing_by_any_flow() {
    for flow in FLOWS {
        for (number, refused, sent) in [
            ("+19002345678", RefusedNumberTypes::default(), 0),
            ("+491801234567", RefusedNumberTypes::default(), 0),
            ("+870301234567", RefusedNumberTypes::default(), 0),
            ("+19002345678", RefusedNumberTypes::NONE, 1),
            (ORDINARY, RefusedNumberTypes::default(), 1),
        ] {
            assert_eq!(
                texts(flow, number, refused).await,
                sent,
                "{flow:?} {number}"
            );
        }
    }
}

/// Who is named by a username, and has a number that costs too much beside another, is sent the text at the other, though it is
/// the younger.
#[tokio::test]
async fn ordinary_number_is_sent_in_place_of_a_dear_one() {
    for flow in [Flow::ResetByUsername, Flow::LogInByUsername, Flow::Notice] {
        // A notice goes to all.
        let otherwise: &[&str] = match flow {
            Flow::Notice => &[DEAR, ORDINARY],
            _ => &[DEAR],
        };
        for (refused, sent_to) in [
            (RefusedNumberTypes::default(), &[ORDINARY][..]),
            (RefusedNumberTypes::NONE, otherwise),
        ] {
            let numbers = sent_with_two_numbers(flow, refused).await;
            assert_eq!(numbers, sent_to, "{flow:?} {refused:?}");
        }
    }
}

/// The numbers that a flow sends a text to, of a user who has proven a dear number first, and then an ordinary one.
async fn sent_with_two_numbers(flow: Flow, refused: RefusedNumberTypes) -> Vec<String> {
    let kit = Kit::with_settings(|settings| {
        settings.refused_number_types = refused;
        settings.login_by_code = true;
        settings.notices = NoticesBy::EmailElsePhone;
    });
    let hash = kit.encoded(HORSE).await;
    let user = kit.store_user("dora", hash.reveal()).await;
    let phone = AddressKind::Phone;
    let dora = kit.current_user("dora", HORSE).await;
    let dear = kit.address(&dora, phone).await;
    let change = ExternalChange::EditAddress(phone, dear.id, DEAR.to_owned());
    kit.store.make(change).await;
    kit.prove(&dear).await;
    kit.clock.advance(Duration::from_secs(60));
    let added = kit.accounts.add_address(&dora, phone, ORDINARY);
    let _ = added.await.unwrap();
    let own = kit.accounts.addresses_of(user.id).await.unwrap();
    kit.prove(own.iter().find(|it| it.value == ORDINARY).unwrap())
        .await;

    let mut resets = kit.signals.capture::<ResetPasswordPhone>();
    let mut log_ins = kit.signals.capture::<LoginPhone>();
    let mut notices = kit.signals.capture::<SecurityNoticePhone>();
    let accounts = &kit.accounts;
    match flow {
        Flow::ResetByUsername => accounts.request_password_reset("dora").await.unwrap(),
        Flow::LogInByUsername => drop(accounts.begin_log_in("dora", None).await.unwrap()),
        _ => {
            let [old, new] = [HORSE, STAPLE].map(Password::new);
            let changed = accounts.change_password(&dora, &old, &new, &new);
            drop(changed.await.unwrap());
        }
    }
    let resets = resets.take().into_iter().map(|it| it.phone);
    let log_ins = log_ins.take().into_iter().map(|it| it.phone);
    let notices = notices.take().into_iter().map(|it| it.phone);
    resets.chain(log_ins).chain(notices).collect()
}

/// Where a number is typed that is nobody's yet, it is refused at its field.
#[tokio::test]
async fn dear_numbers_are_refused_at_every_field() {
    let problem = FieldProblem::new(Field::Phone, Problem::RefusedNumber);
    let problems = vec![problem];
    for number in ["+19002345678", "+491801234567", "+870301234567"] {
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            settings.sign_up_by_code = true;
            settings.authentication_methods.email = false;
            settings.authentication_methods.username = false;
        });
        let form = SignUpForm {
            phone: number,
            email: "",
            ..common::ann()
        };
        let refused = kit.accounts.begin_sign_up(form, None).await;
        let expected = SignUpRefusal::Invalid(problems.clone());
        assert_eq!(common::refusal(refused), expected, "{number}");

        let kit = Kit::new();
        let form = SignUpForm {
            phone: number,
            ..common::ann()
        };
        let refused = kit.accounts.sign_up(form).await;
        assert_eq!(common::refusal(refused), expected, "{number}");

        let kit = Kit::with_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let phone = AddressKind::Phone;
        let own = kit.address(&ann, phone).await;
        let refused = kit.accounts.add_address(&ann, phone, number).await;
        let expected = AddAddressRefusal::Invalid(problems.clone());
        assert_eq!(common::refusal(refused), expected, "{number}");
        let refused = kit.accounts.replace_address(&ann, phone, own.id, number);
        let expected = ReplaceAddressRefusal::New(expected);
        assert_eq!(common::refusal(refused.await), expected, "{number}");
    }
}
