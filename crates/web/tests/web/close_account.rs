//! Closing an account, and the download of what is kept of one.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use phone_auth_core::address::AddressKind;
use phone_auth_events::{AccountClosing, AccountExporting, MayNotClose};

use crate::support::{PASSWORD, Site};

const CLOSE: &str = "/accounts/close_account/";
const DONE: &str = "/accounts/close_account_done/";
const EXPORT: &str = "/accounts/export_account/";

#[tokio::test]
async fn log_in_alone_closes_and_exports_nothing() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut thief = site.browser();
    site.ann_logs_in(&mut thief).await;
    for path in [CLOSE, EXPORT] {
        let way = format!("/accounts/confirm_identity/?next={path}");
        assert_eq!(thief.get(path).await.location(), way);
        assert_eq!(thief.post(path, &[]).await.location(), way);
        let mut nobody = site.browser();
        let answer = nobody.post(path, &[]).await;
        assert!(answer.location().starts_with("/accounts/login/"), "{path}");
    }
    assert_eq!(site.store.user_count(), 1);
}

#[tokio::test]
async fn closed_account_is_gone() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let page = ann.get(CLOSE).await;
    assert_eq!(page.heading(), "Close your account");
    assert!(page.body.contains("<strong>ann</strong>"), "{}", page.body);
    let token = page.hidden("form_token").to_owned();
    let before = ann.cookies.clone();
    let fields = [("form_token", token.as_str())];
    let answer = ann.post(CLOSE, &fields).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::FOUND, DONE)
    );
    assert!(!ann.cookies.contains_key("sessionid"));
    assert_eq!(ann.get(DONE).await.heading(), "Your account is closed");
    assert_eq!(site.store.user_count(), 0);
    assert_eq!(site.store.address_count(AddressKind::Email), 0);

    // The browser left before it had the answer.
    ann.cookies = before;
    assert_eq!(ann.post(CLOSE, &fields).await.location(), DONE);
    for made_up in ["", "made-up", &token.replacen('.', ".x", 1)] {
        let answer = site.browser().post(CLOSE, &[("form_token", made_up)]).await;
        assert!(answer.location().starts_with("/accounts/login/"));
    }
    site.ann().await;
}

#[tokio::test]
async fn token_of_an_open_account_says_nothing() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let token = ann.get(CLOSE).await.hidden("form_token").to_owned();
    let answer = site.browser().post(CLOSE, &[("form_token", &token)]).await;
    assert!(answer.location().starts_with("/accounts/login/"));
    assert_eq!(site.store.user_count(), 1);
}

#[tokio::test]
async fn application_may_refuse() {
    for (words, shown) in [
        (
            Some("An order is <b>on its way</b>."),
            "An order is &lt;b&gt;on its way",
        ),
        (None, "Please contact us."),
    ] {
        let site = Site::new();
        let refuse = move |_: &AccountClosing| match words {
            Some(words) => Err(Box::<dyn std::error::Error + Send + Sync>::from(
                MayNotClose::new(words),
            )),
            None => Err("the database of orders is down".into()),
        };
        site.signals.connect(refuse).forever();
        let mut ann = site.ann().await;
        let answer = ann.post(CLOSE, &[]).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.body.contains(shown), "{}", answer.body);
        assert!(!answer.body.contains("database"), "{}", answer.body);
        assert_eq!(ann.get(CLOSE).await.status, StatusCode::OK, "still there");
    }
}

#[tokio::test]
async fn export_is_a_file() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let page = ann.get(EXPORT).await;
    assert_eq!(page.heading(), "Download your data");
    let file = ann.post(EXPORT, &[]).await;
    assert_eq!(file.status, StatusCode::OK);
    let header = |name| file.headers[name].to_str().unwrap();
    assert_eq!(header(CONTENT_TYPE), "application/json");
    assert_eq!(
        header(CONTENT_DISPOSITION),
        "attachment; filename=\"account.json\""
    );
    assert_eq!(header(CACHE_CONTROL), "private, no-store");
    let json: serde_json::Value = serde_json::from_str(&file.body).unwrap();
    assert_eq!(json["account"]["username"], "ann");
    assert_eq!(json["addresses"][0]["value"], "ann@example.org");
    assert!(!file.body.contains("argon2"));

    let fails = |_: &AccountExporting| Err::<(), _>(std::fmt::Error);
    site.signals.connect(fails).forever();
    let answer = ann.post(EXPORT, &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after(), "60");
    assert!(answer.body.contains("Please try again later."));
}

#[tokio::test]
async fn pages_can_be_off() {
    let site = Site::with(|settings| {
        settings.close_account = false;
        settings.export_account = false;
    });
    let mut ann = site.ann().await;
    for path in [CLOSE, DONE, EXPORT] {
        assert_eq!(ann.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(ann.post(path, &[]).await.status, StatusCode::NOT_FOUND);
    }
    let account = ann.get("/accounts/user_verification/").await.body;
    assert!(!account.contains("close_account") && !account.contains("export_account"));
    assert_eq!(site.store.user_count(), 1);
}

/// The account is had back by signing in, and every page says until when.
#[tokio::test]
async fn closed_account_is_had_back_within_its_grace() {
    let grace = std::time::Duration::from_hours(30 * 24);
    let site = Site::with(|settings| settings.closing_grace = Some(grace));
    let mut ann = site.ann().await;
    let page = ann.get("/accounts/close_account/").await;
    assert!(page.body.contains("In 30 days it deletes"), "{}", page.body);
    assert!(!page.body.contains("can’t be undone"));
    let token = page.hidden("form_token").to_owned();
    let before = ann.cookies.clone();
    for _click in 0..2 {
        ann.cookies.clone_from(&before);
        let fields = [("form_token", token.as_str())];
        let answer = ann.post("/accounts/close_account/", &fields).await;
        assert_eq!(answer.location(), "/accounts/close_account_done/");
    }
    let done = ann.get("/accounts/close_account_done/").await;
    assert!(
        done.body.contains("In 30 days it is deleted"),
        "{}",
        done.body
    );
    assert!(done.body.contains("sign in before then"));
    ann.cookies = before;
    assert_eq!(
        ann.get("/accounts/profile/").await.status,
        StatusCode::FOUND
    );

    let accounts = site.web.accounts();
    let user = accounts.find("ann").await.unwrap().unwrap();
    assert!(accounts.closing_of(&user).await.unwrap().is_some());
    let mut again = site.browser();
    let way = "/accounts/user_verification/?notice=account-kept&next=/accounts/profile/";
    let answer = again.log_in("ann", PASSWORD).await;
    assert_eq!(answer.location(), way);
    let told = again.get(way).await;
    assert!(
        told.body.contains("Your account is not closed"),
        "{}",
        told.body
    );
    let onward = "<a class=\"button button-quiet\" href=\"/accounts/profile/\">Continue</a>";
    assert!(told.body.contains(onward), "{}", told.body);
    // Once.
    let answer = site.browser().log_in("ann", PASSWORD).await;
    assert_eq!(answer.location(), "/accounts/profile/");
    let user = accounts.find("ann").await.unwrap().unwrap();
    assert_eq!(accounts.closing_of(&user).await.unwrap(), None);
    assert_eq!(again.get("/accounts/profile/").await.status, StatusCode::OK);
}
