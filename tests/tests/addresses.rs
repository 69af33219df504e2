//! Adding addresses, and who owns them.

use phone_auth_tests::{Site, User};

#[tokio::test]
async fn added_address_works_for_all() {
    let site = Site::start().await;
    let ann = site.member().await;
    for value in [User::another_email(), User::another_phone()] {
        ann.client.add_address(&value).await.leads_to_added();
        site.client()
            .log_in(&value, &ann.user.password)
            .await
            .redirects_to("/accounts/profile/");
        site.verify(&ann.client, &value).await;
    }
}

#[tokio::test]
async fn taken_address_is_refused() {
    let site = Site::start().await;
    let (ann, bob) = (site.member().await, site.member().await);
    for value in [&ann.user.email, &ann.user.phone] {
        site.verify(&ann.client, value).await;
    }
    let email = ann.user.email.to_uppercase();
    let answer = bob
        .client
        .add_address(&email)
        .await
        .expect(400)
        .says("This email address is already in use");
    let form = answer.page().form_with(&["email"]);
    assert!(form.the("email").is_invalid);
    assert_eq!(form.the("email").value, email);
    bob.client
        .add_address(&ann.user.phone)
        .await
        .expect(400)
        .says("This phone number is already in use");
    // One's own is there already: a double click is no mistake.
    bob.client
        .add_address(&bob.user.phone)
        .await
        .leads_to_added();
    for login in [&ann.user.email, &ann.user.phone, &email] {
        site.client()
            .log_in(login, &ann.user.password)
            .await
            .redirects_to("/accounts/profile/");
        let link = site.reset_link(login.to_lowercase().as_str()).await;
        assert_eq!(link.username(), ann.user.username);
    }
}

#[tokio::test]
async fn wrong_address_is_refused() {
    let site = Site::start().await;
    let ann = site.member().await;
    for email in ["", "ann@", "ann@localhost", "a\u{131}nn@example.org"] {
        let answer = ann
            .client
            .post("/accounts/email/add/", [("email", email)])
            .await
            .expect(400);
        assert!(
            answer.page().form_with(&["email"]).the("email").is_invalid,
            "{email}"
        );
    }
    for phone in ["", "123", "+919876543210;ext=777"] {
        let answer = ann
            .client
            .post("/accounts/phone/add/", [("phone", phone)])
            .await
            .expect(400);
        assert!(
            answer.page().form_with(&["phone"]).the("phone").is_invalid,
            "{phone}"
        );
    }
}

#[tokio::test]
async fn strangers_add_nothing() {
    let site = Site::start().await;
    let client = site.client();
    let before = site.database().counts();
    let email = User::another_email();
    let answer = client
        .post("/accounts/email/add/", [("email", &email)])
        .await;
    answer.redirects_to("/accounts/login/?notice=signed-out&next=/accounts/email/add/");
    let answer = client
        .post(
            "/accounts/user_verification/",
            [("method", "email"), ("pk", "1")],
        )
        .await;
    answer.redirects_to("/accounts/login/?notice=signed-out&next=/accounts/user_verification/");
    assert_eq!(site.database().counts(), before);
}

#[tokio::test]
async fn adding_sends_nothing() {
    let site = Site::start().await;
    let ann = site.member().await;
    ann.client
        .add_address(&User::another_email())
        .await
        .expect(302);
    ann.client
        .add_address(&User::another_phone())
        .await
        .expect(302);
    assert_eq!(site.stop().record.printed(), []);
}
