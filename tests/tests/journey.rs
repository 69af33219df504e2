//! One user walks every flow, one after the other, as she would in a year.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{Site, User};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one walk, as one user walks it")]
async fn user_walks_every_flow() {
    let site = Site::start().await;
    let ann = User::new();
    let client = site.client();

    client
        .sign_up(&ann)
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    for login in [&ann.phone, &ann.email, &ann.username] {
        client
            .log_in(login, &ann.password)
            .await
            .redirects_to("/accounts/profile/");
        client.get("/accounts/profile/").await.expect(200);
        client.log_out().await.redirects_to("/");
        client.get("/accounts/profile/").await.expect(302);
    }

    client.log_in(&ann.phone, &ann.password).await.expect(302);
    for (value, sent, signal, members) in [
        (
            &ann.email,
            "We sent a message to your email address",
            "verify_email",
            "/members/email/",
        ),
        (
            &ann.phone,
            "We sent a message to your phone",
            "verify_phone",
            "/members/phone/",
        ),
    ] {
        client.get(members).await.leads_to_verification(members);
        client.ask_verification(value).await.expect(200).says(sent);
        let line = site.printed(signal, value).await;
        assert_eq!(line.username(), ann.username);
        assert!(
            line.url()
                .starts_with("/accounts/user_verification_confirm/"),
            "{}",
            line.url()
        );
        site.client()
            .get(line.url())
            .await
            .expect(200)
            .says("Verification successful");
        client.get(members).await.expect(200);
    }

    client.confirm_identity(&ann.password).await.expect(302);
    let (email, phone) = (User::another_email(), User::another_phone());
    for value in [&email, &phone] {
        client.add_address(value).await.leads_to_added();
        client
            .get("/accounts/user_verification/")
            .await
            .expect(200)
            .says(value);
        site.verify(&client, value).await;
    }

    let other_device = site.client();
    other_device.log_in(&email, &ann.password).await.expect(302);
    let second = "walnut-Harbour-22";
    let done = "/accounts/change_password_done/";
    client
        .change_password(&ann.password, second)
        .await
        .redirects_to(done);
    client.get(done).await.expect(200);
    assert!(
        client.is_logged_in().await,
        "the session that changed the password goes on"
    );
    assert!(
        !other_device.is_logged_in().await,
        "every other session ends"
    );
    client.log_out().await.redirects_to("/");

    let mut current = second.to_owned();
    // The younger address first: a reset by the older one takes its proof.
    for (login, signal) in [
        (&phone, "reset_password_phone"),
        (&email, "reset_password_email"),
    ] {
        let link = site.reset_link(login).await;
        assert_eq!(link.signal, signal);
        assert!(
            link.url().starts_with("/accounts/password_reset_confirm/"),
            "{}",
            link.url()
        );
        let next = format!("copper-Lantern-{signal}");
        client
            .reset(link.url(), &next)
            .await
            .redirects_to("/accounts/password_reset_complete/");
        client
            .get("/accounts/password_reset_complete/")
            .await
            .expect(200);
        client
            .log_in(&ann.username, &current)
            .await
            .expect(400)
            .says("password don’t match.");
        client
            .log_in(&ann.username, &next)
            .await
            .redirects_to("/accounts/profile/");
        client.log_out().await.redirects_to("/");
        current = next;
    }

    let ended = site.stop();
    assert!(ended.status.success(), "{ended:?}");
    let printed = ended.record.printed();
    let signals = printed.iter().map(|line| line.signal.as_str());
    // Each change of who gets in is told as well.
    let (notices, signals): (Vec<&str>, Vec<&str>) =
        signals.partition(|signal| signal.starts_with("security_notice"));
    assert!(!notices.is_empty());
    let expected = [
        "verify_email",
        "verify_phone",
        "verify_email",
        "verify_phone",
        "reset_password_phone",
        "reset_password_email",
    ];
    assert_eq!(signals, expected);
}

#[tokio::test]
async fn lines_carry_the_payload() {
    let site = Site::start().await;
    let ann = site.member().await;
    let User {
        email,
        phone,
        username,
        ..
    } = &ann.user;
    let lines = [
        (
            site.verification_link(&ann.client, email).await,
            "email",
            email,
        ),
        (
            site.verification_link(&ann.client, phone).await,
            "phone",
            phone,
        ),
        (site.reset_link(email).await, "email", email),
        (site.reset_link(phone).await, "phone", phone),
    ];
    for (line, key, value) in lines {
        let payload = line.payload.as_object().expect("the payload is an object");
        assert_eq!(
            payload.get(key).and_then(|it| it.as_str()),
            Some(value.as_str())
        );
        assert!(
            payload
                .get("sender")
                .is_some_and(serde_json::Value::is_string),
            "{payload:?}"
        );
        let user = payload
            .get("user")
            .and_then(|it| it.as_object())
            .expect("user is an object");
        assert_eq!(
            user.get("username").and_then(|it| it.as_str()),
            Some(username.as_str())
        );
        assert!(
            user.get("id").is_some_and(serde_json::Value::is_i64),
            "{user:?}"
        );
        assert!(
            line.url().starts_with("/accounts/"),
            "the url is relative: {}",
            line.url()
        );
        assert!(!user.contains_key("password"), "{user:?}");
    }
}
