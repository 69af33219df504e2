//! The pages as they are sent, for a reviewer to read.

use crate::support::{Answer, Site, sign_up_form, with};
use phone_auth_core::limits::LimitSettings;

/// The page without what differs from run to run.
fn steady(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    for name in ["csrfmiddlewaretoken", "form_token"] {
        let token = answer.hidden(name);
        if !token.is_empty() {
            body = body.replace(token, "TOKEN");
        }
    }
    let (before, rest) = body.split_once("/static/phone_auth.").unwrap();
    let (_, after) = rest.split_once(".css").unwrap();
    format!("{before}/static/phone_auth.HASH.css{after}")
}

/// Keeps a page under a name.
macro_rules! keep {
    ($name:literal, $answer:expr) => {
        insta::assert_snapshot!($name, steady(&$answer));
    };
}

#[tokio::test]
async fn pages_for_strangers() {
    let site = Site::new();
    let mut browser = site.browser();
    keep!("home", browser.get("/").await);
    keep!("sign_up", browser.get("/accounts/signup/").await);
    keep!(
        "log_in",
        browser.get("/accounts/login/?next=/members/email/").await
    );
    keep!("log_out", browser.get("/accounts/logout/").await);
    keep!(
        "password_reset",
        browser.get("/accounts/password_reset/").await
    );
    keep!(
        "password_reset_done",
        browser.get("/accounts/password_reset_done/").await
    );
    keep!(
        "password_reset_complete",
        browser.get("/accounts/password_reset_complete/").await
    );
    keep!(
        "reset_link_not_valid",
        browser.get("/accounts/password_reset_confirm/MQ/x/").await
    );
    keep!(
        "verification_failed",
        browser
            .get("/accounts/user_verification_confirm/x/y/")
            .await
    );
    keep!("not_found", browser.get("/nowhere/").await);
}

#[tokio::test]
async fn pages_with_problems() {
    let site = Site::new();
    let mut browser = site.browser();
    let form = sign_up_form("a b", "ann", "+12125552368");
    let form = with(form, "confirm_password", "other");
    keep!(
        "sign_up_problems",
        browser.post("/accounts/signup/", &form).await
    );
    keep!("log_in_refused", browser.log_in("ann", "wrong").await);
}

#[tokio::test]
async fn pages_for_members() {
    // More than one link a minute is asked for.
    let site = Site::with(|settings| settings.limits = LimitSettings::danger_none());
    let mut ann = site.ann().await;
    keep!("home_of_a_member", ann.get("/").await);
    keep!("profile", ann.get("/accounts/profile/").await);
    keep!("log_out_of_a_member", ann.get("/accounts/logout/").await);
    keep!(
        "change_password",
        ann.get("/accounts/change_password/").await
    );
    keep!(
        "change_password_done",
        ann.get("/accounts/change_password_done/").await
    );
    keep!(
        "confirm_identity",
        ann.get("/accounts/confirm_identity/").await
    );
    keep!("close_account", ann.get("/accounts/close_account/").await);
    keep!(
        "close_account_done",
        ann.get("/accounts/close_account_done/").await
    );
    keep!("export_account", ann.get("/accounts/export_account/").await);
    keep!("add_email", ann.get("/accounts/email/add/").await);
    keep!("add_phone", ann.get("/accounts/phone/add/").await);
    let pk = ann.pk("email").await;
    let page = format!("/accounts/address/?method=email&pk={pk}");
    keep!("address", ann.get(&page).await);
    keep!(
        "email_sent",
        ann.get("/accounts/user_verification/?notice=email-sent")
            .await
    );
    let link = ann.email_link().await;
    keep!("verified", ann.get(&link).await);
    keep!("verified_already", ann.get(&link).await);
    keep!("addresses", ann.get("/accounts/user_verification/").await);
    keep!("members", ann.get("/members/email/").await);
    let link = ann.reset_link("ann@example.org").await;
    let form = ann.get(&link).await.location().to_owned();
    keep!("set_password", ann.get(&form).await);
    let fields = sign_up_form("bob", "bob@example.org", "+12125552369");
    keep!(
        "signed_in_already",
        ann.post("/accounts/signup/", &fields).await
    );
}

#[tokio::test]
async fn verification_by_click() {
    let site = Site::with(|settings| settings.verify_by_click = true);
    let link = site.ann().await.email_link().await;
    let mut page = site.browser().get(&link).await;
    page.body = page.body.replace(&link, "LINK");
    keep!("verification_ask", page);
}
