//! Password resets: who gets a link, what ends it, and where its token may be seen.

use std::cell::Cell;
use std::time::Duration;

use phone_auth_tests::{Answer, Site};

const NEW: &str = "marble-Cottage-31";

fn reset_path(id: &str, token: &str) -> String {
    format!("/accounts/password_reset_confirm/{id}/{token}/")
}

#[tokio::test]
async fn used_reset_link_fails() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.phone).await;
    let client = site.client();
    let form = client.open_reset_link(link.url()).await;
    let page = client.get(&form).await.expect(200).page();
    client
        .reset(link.url(), NEW)
        .await
        .redirects_to("/accounts/password_reset_complete/");
    client.meets_dead_reset(link.url()).await;
    site.client().meets_dead_reset(link.url()).await;
    client.meets_dead_reset(&form).await;
    let filled = [
        ("new_password1".to_owned(), "other-Words-99".to_owned()),
        ("new_password2".to_owned(), "other-Words-99".to_owned()),
    ];
    let again = page.form_with(&["new_password1"]).filled(&filled);
    client.send_form(&form, &again).await.expect(400);
    site.client().log_in(&ann.username, NEW).await.expect(302);
}

#[tokio::test]
async fn change_of_password_ends_reset_links() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.reset_link(&ann.user.email).await;
    ann.client
        .change_password(&ann.user.password, NEW)
        .await
        .expect(302);
    site.client().meets_dead_reset(link.url()).await;
}

#[tokio::test]
async fn log_in_ends_reset_links() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    site.log_in(&ann).await;
    site.client().meets_dead_reset(link.url()).await;
}

/// A thief who has the password must not keep the owner from another one.
#[tokio::test]
async fn log_in_spares_links_to_verified_addresses() {
    let site = Site::start().await;
    let ann = site.member().await;
    for value in [&ann.user.email, &ann.user.phone] {
        site.verify(&ann.client, value).await;
        let link = site.reset_link(value).await;
        for _ in 0..3 {
            site.log_in(&ann.user).await;
        }
        site.client().get(link.url()).await.expect(302);
    }
    // That by email works still, though one by phone was asked for after it.
    let link = site.reset_link(&ann.user.email).await;
    site.reset_link(&ann.user.phone).await;
    site.log_in(&ann.user).await;
    let reset = site.client().reset(link.url(), NEW).await;
    reset.redirects_to("/accounts/password_reset_complete/");
}

/// A stranger asks five times a second from before the owner opens the link until after the new password is there.
#[tokio::test]
async fn strangers_who_ask_end_no_link() {
    let site = Site::start().await;
    let (ann, bob) = (site.member().await, site.member().await);
    for (value, new) in [
        (&ann.user.email, NEW),
        (&bob.user.phone, "walnut-Harbour-82"),
    ] {
        let link = site.reset_link(value).await;
        let again = site.reset_link(value).await;
        assert_eq!(again.token(), link.token(), "the same link is sent again");
        let asked = Cell::new(0);
        let stranger = async {
            loop {
                site.client().ask_reset(value).await.expect(302);
                asked.set(asked.get() + 1);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let asked_more = async || {
            let until = asked.get() + 5;
            while asked.get() < until {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let owner = async {
            let owner = site.client();
            asked_more().await;
            let form = owner.open_reset_link(link.url()).await;
            asked_more().await;
            owner.get(&form).await.expect(200);
            asked_more().await;
            let fields = [("new_password1", new), ("new_password2", new)];
            let reset = owner.submit(&form, fields).await;
            reset.redirects_to("/accounts/password_reset_complete/");
        };
        tokio::select! {
            () = stranger => unreachable!("it asks for ever"),
            () = owner => {}
        }
        site.client().log_in(value, new).await.expect(302);
        site.client().meets_dead_reset(link.url()).await;
    }
}

#[tokio::test]
async fn verification_link_is_sent_again() {
    let site = Site::start().await;
    let ann = site.member().await;
    for value in [&ann.user.email, &ann.user.phone] {
        let first = site.verification_link(&ann.client, value).await;
        let again = site.verification_link(&ann.client, value).await;
        assert_eq!(first.token(), again.token());
        let verified = site.client().get(first.url()).await.expect(200);
        verified.says("Verification successful");
    }
}

#[tokio::test]
async fn disabled_user_cannot_reset() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let link = site.reset_link(&ann.email).await;
    let sql = format!(
        "UPDATE auth_user SET is_active = 0 WHERE username = '{}'",
        ann.username
    );
    assert_eq!(site.database().execute(&sql), 1);
    site.client().meets_dead_reset(link.url()).await;
    site.client()
        .ask_reset(&ann.email)
        .await
        .leads_to_code("/accounts/password_reset_done/");
    site.client()
        .log_in(&ann.username, &ann.password)
        .await
        .expect(400)
        .says("password don’t match.");
    site.reset_link(&bob.email).await;
    let printed = site.stop().record.printed();
    assert_eq!(
        printed.len(),
        2,
        "the disabled user got one before, and none after: {printed:?}"
    );
}

#[tokio::test]
async fn unusable_password_gets_no_reset() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let sql = format!(
        "UPDATE auth_user SET password = '!unusable' WHERE username = '{}'",
        ann.username
    );
    assert_eq!(site.database().execute(&sql), 1);
    site.client()
        .ask_reset(&ann.email)
        .await
        .leads_to_code("/accounts/password_reset_done/");
    site.client()
        .log_in(&ann.username, &ann.password)
        .await
        .expect(400)
        .says("password don’t match.");
    site.client()
        .log_in(&ann.username, "!unusable")
        .await
        .expect(400);
    site.reset_link(&bob.email).await;
    assert_eq!(site.stop().record.printed().len(), 1);
}

#[tokio::test]
async fn nobody_else_gets_a_reset() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let client = site.client();
    for login in [
        "nobody@example.org",
        "+919876599999",
        "nobody",
        &ann.username,
        "'; --",
        "%",
        "*@*",
    ] {
        let asked = client.ask_reset(login).await;
        asked.leads_to_code("/accounts/password_reset_done/");
    }
    client
        .post("/accounts/password_reset/", [("login", "")])
        .await
        .expect(400);
    let known = client.ask_reset(&ann.email).await;
    let unknown = client.ask_reset("nobody@example.org").await;
    // It names which of its codes the page is about, by what nobody can tell: it is drawn.
    let path = |answer: &Answer| answer.location().split("asked=").next().map(str::to_owned);
    assert_eq!(
        (known.status, &known.body, path(&known)),
        (unknown.status, &unknown.body, path(&unknown))
    );
    let names = [&known, &unknown].map(|it| it.location().len());
    assert_eq!(names[0], names[1]);
    site.printed("reset_password_email", &ann.email).await;
    let printed = site.stop().record.printed();
    assert_eq!(printed.len(), 1, "{printed:?}");
}

#[tokio::test]
async fn reset_token_leaves_the_address_bar() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let answer = client.get(link.url()).await.expect(302);
    let location = answer.location();
    assert_eq!(location, reset_path(link.id(), "set-password"));
    let form = client.get(location).await.expect(200);
    assert!(
        !form.text().contains(link.token()),
        "the page holds the token"
    );
    for answer in [&answer, &form] {
        let policy = answer.header("referrer-policy").unwrap_or_default();
        assert!(
            ["no-referrer", "same-origin"].contains(&policy),
            "{}: {policy:?}",
            answer.asked
        );
        assert!(
            answer
                .header("cache-control")
                .is_some_and(|it| it.contains("no-store")),
            "{}",
            answer.asked
        );
    }
    site.client().meets_dead_reset(location).await;
}

#[tokio::test]
async fn reset_cookie_is_kept_close() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let opened = client.get(link.url()).await.expect(302);
    for cookie in opened.cookies() {
        assert_eq!(cookie.attribute("httponly"), Some(""), "{cookie:?}");
        if cookie.value.contains(link.token()) {
            assert!(
                cookie
                    .path()
                    .starts_with("/accounts/password_reset_confirm/"),
                "{cookie:?}"
            );
        }
    }
    client.reset(link.url(), NEW).await.expect(302);
    let left = client.cookies();
    assert!(
        left.iter()
            .all(|cookie| !cookie.value.contains(link.token())),
        "{left:?}"
    );
}

#[tokio::test]
async fn two_reset_links_share_a_browser() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let links = [
        site.reset_link(&ann.email).await,
        site.reset_link(&bob.email).await,
    ];
    let client = site.client();
    let mut forms = Vec::new();
    for link in &links {
        forms.push(client.open_reset_link(link.url()).await);
    }
    for (form, (user, other)) in forms.iter().zip([(&ann, &bob), (&bob, &ann)]) {
        let page = client.get(form).await.expect(200).says(&user.username);
        page.does_not_say(&other.username);
        let password = format!("{NEW}-{}", user.username);
        let fields = [("new_password1", &password), ("new_password2", &password)];
        let answer = client.submit(form, fields).await;
        answer.redirects_to("/accounts/password_reset_complete/");
        site.client()
            .log_in(&user.email, &password)
            .await
            .expect(302);
    }
}

#[tokio::test]
async fn stale_reset_form_says_so() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let path = client.open_reset_link(link.url()).await;
    let form = client
        .get(&path)
        .await
        .expect(200)
        .page()
        .form_with(&["new_password1"]);
    site.log_in(&ann).await;
    let filled = form
        .filled(&["new_password1", "new_password2"].map(|name| (name.to_owned(), NEW.to_owned())));
    let answer = client.send_form(&path, &filled).await.expect(400);
    let links = answer.page().attributes("a", "href");
    assert!(
        links.iter().any(|link| link == "/accounts/password_reset/"),
        "{}",
        answer.page().words()
    );
    site.client().log_in(&ann.username, NEW).await.expect(400);
}

#[tokio::test]
async fn reset_form_tells_what_is_wrong() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let path = client.open_reset_link(link.url()).await;
    for (first, second, wrong) in [
        ("", "", "new_password1"),
        ("12345678", "12345678", "new_password2"),
        (NEW, "marble-Cottage-32", "new_password2"),
    ] {
        let fields = [("new_password1", first), ("new_password2", second)];
        let answer = client.submit(&path, fields).await.expect(400);
        let form = answer.page().form_with(&["new_password1"]);
        let told = form
            .fields
            .iter()
            .any(|field| field.is_invalid && field.description.is_some());
        assert!(told, "{wrong}: {}", answer.page().words());
    }
    client
        .log_in(&ann.username, &ann.password)
        .await
        .expect(302);
}
