//! What is over a limit costs nothing: no hash, no row, no message.

use std::time::Duration;

use crate::common::limited::{is_limited, passes};
use crate::common::{self, ANNS_EMAIL, Kit, STAPLE};
use phone_auth_core::accounts::{CurrentUser, FlowError, SignUpForm, VerificationRequestRefusal};
use phone_auth_core::address::AddressKind;
use phone_auth_core::client::Client;
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::Password;

/// What is asked for without end.
#[derive(Clone, Copy, Debug)]
enum Flow {
    Gated(GatedFlow),
    CodeToLogIn,
    CodeToReset,
    CodeToVerify,
}

fn flows() -> impl Iterator<Item = Flow> {
    let codes = [Flow::CodeToLogIn, Flow::CodeToReset, Flow::CodeToVerify];
    GatedFlow::ALL.into_iter().map(Flow::Gated).chain(codes)
}

/// What was spent so far: passwords checked and hashed, users, addresses of both kinds, sessions, and messages.
fn spent(kit: &Kit) -> [usize; 7] {
    let store = &kit.store;
    [
        kit.hasher.checked(),
        kit.hasher.made(),
        store.user_count(),
        store.address_count(AddressKind::Email),
        store.address_count(AddressKind::Phone),
        store.session_count(),
        kit.record.messages().len(),
    ]
}

/// Begins a flow as a stranger from one network or as Ann, the next time with other names; whether it was refused for being
/// begun too often.
async fn is_refused(kit: &Kit, ann: &CurrentUser, flow: Flow, number: u32) -> bool {
    let client = Client::new().at([203, 0, 113, 7].into());
    let accounts = kit.accounts.for_client(client);
    let (name, email) = (format!("name{number}"), format!("name{number}@example.org"));
    let (wrong, new) = (Password::new("wrong"), Password::new(STAPLE));
    // The second of two clicks is answered as the first.
    kit.clock.advance(Duration::from_millis(10));
    match flow {
        Flow::Gated(GatedFlow::SignUp) => {
            let form = SignUpForm {
                username: &name,
                email: &email,
                phone: "",
                ..common::ann()
            };
            is_limited(accounts.sign_up(form).await)
        }
        Flow::Gated(GatedFlow::LogIn) => is_limited(accounts.log_in("ann", &wrong, None).await),
        Flow::Gated(GatedFlow::RequestPasswordReset) => {
            is_limited(accounts.request_password_reset(ANNS_EMAIL).await)
        }
        Flow::Gated(GatedFlow::RequestVerification) => {
            let own = kit.address(ann, AddressKind::Email).await;
            kit.clock.advance(Duration::from_secs(11));
            is_limited(accounts.request_verification(ann, own.kind, own.id).await)
        }
        Flow::Gated(GatedFlow::AddAddress) => {
            is_limited(accounts.add_address(ann, AddressKind::Email, &email).await)
        }
        Flow::Gated(GatedFlow::ChangePassword) => {
            is_limited(accounts.change_password(ann, &wrong, &new, &new).await)
        }
        Flow::Gated(other) => unreachable!("{other:?}"),
        Flow::CodeToLogIn => is_limited(accounts.begin_log_in(ANNS_EMAIL, None).await),
        Flow::CodeToReset => is_limited(accounts.begin_reset(ANNS_EMAIL, None).await),
        Flow::CodeToVerify => {
            let own = kit.address(ann, AddressKind::Email).await;
            kit.clock.advance(Duration::from_secs(2));
            // All browsers of a user share the code, and are told when there is another.
            let begun = accounts.begin_verification(ann, own.kind, own.id).await;
            match begun {
                Err(FlowError::Refused(refusal)) => {
                    matches!(refusal, VerificationRequestRefusal::TooSoon { .. })
                }
                begun => is_limited(begun),
            }
        }
    }
}

#[tokio::test]
async fn what_is_over_a_limit_costs_nothing() {
    for flow in flows() {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            settings.login_by_code = true;
            settings.register_phone_required = false;
            settings.max_addresses = 50;
            settings.max_unverified_addresses = 50;
        });
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", common::HORSE).await;
        let refused = async |number| is_refused(&kit, &ann, flow, number).await;
        let mut number = passes(refused).await;
        assert!(number > 0, "{flow:?} is never let through");
        let before = spent(&kit);
        for _ in 0..5 {
            number += 1;
            assert!(is_refused(&kit, &ann, flow, number).await, "{flow:?}");
        }
        assert_eq!(spent(&kit), before, "{flow:?}");
    }
}
