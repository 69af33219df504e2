//! What a user can do with one address of theirs.

use http::StatusCode;
use phone_auth_core::address::AddressKind;
use phone_auth_events::{VerifyEmail, VerifyPhone};

use crate::support::{PASSWORD, Site};

const LIST: &str = "/accounts/user_verification/";

#[tokio::test]
async fn address_is_removed_after_a_proof() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let pk = ann.pk("phone").await;
    let page = format!("/accounts/address/?method=phone&pk={pk}");
    let shown = ann.get(&page).await;
    assert_eq!(shown.heading(), "+1 212-555-2368");
    assert!(!shown.body.contains("Make primary"), "a number");
    for _click in 0..2 {
        let answer = ann.post(&page, &[("action", "remove")]).await;
        assert_eq!(answer.location(), format!("{LIST}?notice=phone-removed"));
    }
    let list = ann.get(&format!("{LIST}?notice=phone-removed")).await;
    assert!(list.body.contains("The phone number was removed"));
    assert!(!list.body.contains("+12125552368"));
    assert_eq!(ann.get(&page).await.location(), LIST);
}

#[tokio::test]
async fn log_in_alone_removes_nothing() {
    let site = Site::new();
    let pk = site.ann().await.pk("phone").await;
    let mut thief = site.browser();
    site.ann_logs_in(&mut thief).await;
    let page = format!("/accounts/address/?method=phone&pk={pk}");
    let way =
        format!("/accounts/confirm_identity/?next=/accounts/address/%3Fmethod%3Dphone%26pk%3D{pk}");
    assert_eq!(thief.get(&page).await.location(), way);
    for action in ["remove", "primary"] {
        let answer = thief.post(&page, &[("action", action)]).await;
        assert_eq!(answer.location(), way);
    }
    thief.confirm(PASSWORD).await;
    assert_eq!(thief.get(&page).await.status, StatusCode::OK, "still there");
}

/// Whatever a query names that is not an address of the user, as we write it, nothing is shown and nothing done.
#[tokio::test]
async fn only_own_addresses_are_shown() {
    let site = Site::new();
    let mut ann = site.ann().await;
    drop(site.bob().await);
    let accounts = site.web.accounts();
    let bob = accounts.find("bob").await.unwrap().unwrap();
    let mut queries: Vec<String> = [
        "",
        "?method=phone",
        "?method=phone&pk=99",
        "?method=phone&pk=x",
        "?method=fax&pk=1",
        "?method=email&pk=99999999999999999999",
    ]
    .map(str::to_owned)
    .into();
    for address in accounts.addresses_of(bob.id).await.unwrap() {
        assert!(
            accounts
                .set_verified(&bob, &address, true)
                .await
                .unwrap()
                .is_changed()
        );
        queries.push(format!("?method={}&pk={}", address.kind, address.id.get()));
    }
    for method in ["email", "phone"] {
        let pk = ann.pk(method).await;
        for pk in [
            format!("%2B{pk}"),
            format!("0{pk}"),
            format!("{pk}%20"),
            format!("%EF%BC%91{pk}"),
        ] {
            queries.push(format!("?method={method}&pk={pk}"));
        }
    }
    let everything = async || {
        let mut all = Vec::new();
        for user in accounts.users_after(None, 9).await.unwrap() {
            all.push((accounts.addresses_of(user.id).await.unwrap(), user));
        }
        all
    };
    let before = everything().await;
    for query in queries {
        let page = format!("/accounts/address/{query}");
        assert_eq!(ann.get(&page).await.location(), LIST, "{query}");
        for action in ["remove", "primary"] {
            let sent = ann.post(&page, &[("action", action)]).await;
            assert!(sent.location().starts_with(LIST), "{query} {action}");
        }
        assert_eq!(everything().await, before, "{query}");
    }
    let pk = ann.pk("phone").await;
    let page = format!("/accounts/address/?method=phone&pk={pk}");
    for action in ["", "primary", "drop"] {
        let answer = ann.post(&page, &[("action", action)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{action}");
    }
}

#[tokio::test]
async fn last_way_in_stays() {
    let site = Site::with(|settings| settings.authentication_methods.username = false);
    site.ann_signed_up().await;
    let mut ann = site.browser();
    ann.log_in("ann@example.org", PASSWORD).await;
    ann.confirm(PASSWORD).await;
    let phone = ann.pk("phone").await;
    let page = format!("/accounts/address/?method=phone&pk={phone}");
    ann.post(&page, &[("action", "remove")]).await;
    let email = ann.pk("email").await;
    let page = format!("/accounts/address/?method=email&pk={email}");
    let answer = ann.post(&page, &[("action", "remove")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("Add another and verify it"));
    assert!(ann.get(LIST).await.body.contains("ann@example.org"));
}

#[tokio::test]
async fn primary_address_is_chosen() {
    let site = Site::new();
    let mut ann = site.ann().await;
    ann.post("/accounts/email/add/", &[("email", "ann@work.example")])
        .await;
    let user = site.web.accounts().find("ann").await.unwrap().unwrap();
    let addresses = site.web.accounts().addresses_of(user.id).await.unwrap();
    let work = addresses
        .into_iter()
        .find(|it| it.value == "ann@work.example")
        .unwrap();
    assert_eq!(work.kind, AddressKind::Email);
    let page = format!("/accounts/address/?method=email&pk={}", work.id.get());
    assert!(!ann.get(&page).await.body.contains("Make primary"));
    let early = ann.post(&page, &[("action", "primary")]).await;
    assert_eq!(early.status, StatusCode::BAD_REQUEST);
    assert!(early.body.contains("Verify it first"));

    let set = site.web.accounts().set_verified(&user, &work, true).await;
    assert!(set.unwrap().is_changed());
    assert!(ann.get(&page).await.body.contains("Make primary"));
    for _click in 0..2 {
        let answer = ann.post(&page, &[("action", "primary")]).await;
        assert_eq!(answer.location(), format!("{LIST}?notice=primary"));
    }
    let user = site.web.accounts().user(user.id).await.unwrap().unwrap();
    assert_eq!(user.email, "ann@work.example");
    assert!(ann.get(LIST).await.body.contains("Primary"));
}

/// One step: the new address is typed on the page of the old one, whose place it takes with the code.
#[tokio::test]
async fn address_is_changed_in_one_step() {
    let site = Site::new();
    let mut sent = site.capture::<VerifyEmail>();
    let mut ann = site.ann().await;
    let user = site.web.accounts().find("ann").await.unwrap().unwrap();
    let of_user = async || {
        let all = site.web.accounts().addresses_of(user.id).await.unwrap();
        let emails = all.into_iter().filter(|it| it.kind == AddressKind::Email);
        emails.map(|it| it.value).collect::<Vec<_>>()
    };
    let pk = ann.pk("email").await;
    let page = format!("/accounts/address/?method=email&pk={pk}");
    let shown = ann.get(&page).await;
    assert!(shown.body.contains("it takes the place of this one"));
    for (typed, words) in [
        ("", "This field is required."),
        ("no address", "Enter an email address"),
    ] {
        let fields = [("action", "change"), ("email", typed)];
        let again = ann.post(&page, &fields).await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST, "{typed}");
        assert_eq!(again.heading(), "ann@example.org");
        let said = again.error_at("email");
        assert!(!said.is_empty(), "{words}: {}", again.body);
    }
    let fields = [("action", "change"), ("email", "Ann@Work.example")];
    let answer = ann.post(&page, &fields).await;
    let to = answer.location().to_owned();
    assert!(
        to.starts_with(&format!("{LIST}?notice=email-sent&code=")),
        "{to}"
    );
    assert_eq!(of_user().await, ["ann@example.org", "ann@work.example"]);
    let list = ann.get(&to).await;
    assert!(
        list.body
            .contains("We sent a code to <strong>ann@work.example</strong>")
    );
    let code = sent.take().remove(0).envelope.code.unwrap();
    let new = list.hidden("pk").to_owned();
    let fields = [("method", "email"), ("pk", &*new), ("code", code.as_str())];
    let confirmed = ann.post(LIST, &fields).await;
    assert_eq!(
        confirmed.location(),
        format!("{LIST}?notice=email-confirmed")
    );
    assert_eq!(of_user().await, ["ann@work.example"]);
    let user = site.web.accounts().find("ann").await.unwrap().unwrap();
    assert_eq!(user.email, "ann@work.example");
}

/// The page of an address says which other is to take its place, which may be a thief's; with a click it stays, and the link that
/// was sent for the other takes nothing away.
#[tokio::test]
async fn address_is_kept() {
    for (field, old, new) in [
        ("email", "ann@example.org", "eve@evil.example"),
        ("phone", "+12125552368", "+12125552399"),
    ] {
        let site = Site::new();
        let mut emails = site.capture::<VerifyEmail>();
        let mut phones = site.capture::<VerifyPhone>();
        let mut ann = site.ann().await;
        let pk = ann.pk(field).await;
        let page = format!("/accounts/address/?method={field}&pk={pk}");
        assert!(!ann.get(&page).await.body.contains("Keep this one"));
        ann.post(&page, &[("action", "change"), (field, new)]).await;
        let shown = ann.get(&page).await;
        assert!(shown.body.contains("Keep this one"), "{}", shown.body);
        let user = site.web.accounts().find("ann").await.unwrap().unwrap();
        let addresses = async || site.web.accounts().addresses_of(user.id).await.unwrap();
        let added = addresses().await.into_iter().find(|it| it.value == new);
        // So does the list, at both: it may have been asked for by someone else in their session.
        let list = ann.get(LIST).await;
        for words in [
            "Is being changed to",
            "is not confirmed yet",
            "Keep this one",
            "Takes the place of",
        ] {
            assert!(list.body.contains(words), "{words}: {}", list.body);
        }
        // Nor does the page of the other say so.
        let other = added.unwrap().id.get();
        let others = ann
            .get(&format!("/accounts/address/?method={field}&pk={other}"))
            .await;
        assert!(!others.body.contains("Keep this one"));

        // One that was shown before another was to come keeps nothing; of two clicks the second finds it kept.
        let id = other.to_string();
        for (new, to) in [
            ("7", LIST.to_owned()),
            (&*id, format!("{LIST}?notice={field}-kept")),
            (&*id, format!("{LIST}?notice={field}-kept")),
            ("7", LIST.to_owned()),
        ] {
            let kept = ann.post(&page, &[("action", "keep"), ("new", new)]).await;
            assert_eq!(kept.location(), to, "{new}");
        }
        let list = ann.get(&format!("{LIST}?notice={field}-kept")).await;
        assert!(list.body.contains("stays"), "{}", list.body);
        assert!(!list.body.contains("Is being changed"), "{}", list.body);
        assert!(!list.body.contains("Takes the place"), "{}", list.body);
        assert!(!ann.get(&page).await.body.contains("Keep this one"));
        let link = match field {
            "email" => emails.take().remove(0).url,
            _ => phones.take().remove(0).url,
        };
        ann.get(link.as_str()).await;
        let left = addresses().await;
        let is_verified = |value| left.iter().any(|it| it.value == value && it.is_verified);
        let is_there = left.iter().any(|it| it.value == old);
        assert!(is_there && is_verified(new), "{left:?}");
    }
}

/// An address that was verified before takes the place of another at once, and the page says so.
#[tokio::test]
async fn verified_address_takes_the_place_at_once() {
    for (kind, field, old, new, words) in [
        (
            AddressKind::Email,
            "email",
            "ann@example.org",
            "ann@work.example",
            "Your email address was changed",
        ),
        (
            AddressKind::Phone,
            "phone",
            "+12125552368",
            "+12125552399",
            "Your phone number was changed",
        ),
    ] {
        let site = Site::new();
        let mut ann = site.ann().await;
        let page = format!(
            "/accounts/address/?method={field}&pk={}",
            ann.pk(field).await
        );
        ann.post(&format!("/accounts/{field}/add/"), &[(field, new)])
            .await;
        let accounts = site.web.accounts();
        let user = accounts.find("ann").await.unwrap().unwrap();
        let of_user = async || {
            let all = accounts.addresses_of(user.id).await.unwrap();
            let all = all.into_iter().filter(|it| it.kind == kind);
            all.collect::<Vec<_>>()
        };
        for address in of_user().await {
            let set = accounts.set_verified(&user, &address, true).await;
            assert!(set.unwrap().is_changed(), "{address:?}");
        }
        // What stands there already changes nothing.
        let same = ann.post(&page, &[("action", "change"), (field, old)]).await;
        assert_eq!(same.location(), format!("{LIST}?notice={field}-verified"));
        assert_eq!(of_user().await.len(), 2);

        let changed = ann.post(&page, &[("action", "change"), (field, new)]).await;
        assert_eq!(changed.location(), format!("{LIST}?notice={field}-changed"));
        let values: Vec<_> = of_user().await.into_iter().map(|it| it.value).collect();
        assert_eq!(values, [new]);
        let list = ann.get(changed.location()).await;
        assert!(list.body.contains(words), "{}", list.body);
    }
}

#[tokio::test]
async fn log_in_alone_changes_no_address() {
    let site = Site::new();
    let pk = site.ann().await.pk("phone").await;
    let mut thief = site.browser();
    site.ann_logs_in(&mut thief).await;
    let page = format!("/accounts/address/?method=phone&pk={pk}");
    let fields = [("action", "change"), ("phone", "+1 212 555 2399")];
    let answer = thief.post(&page, &fields).await;
    assert!(answer.location().starts_with("/accounts/confirm_identity/"));
    let list = thief.get(LIST).await;
    assert!(!list.body.contains("2399"));
}
