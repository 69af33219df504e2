//! The same thing done many times at once, and things that get in each other's way.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{Answer, Kind, Member, OwnDatabase, Site, User, together};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

fn count(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

#[tokio::test]
async fn fifty_equal_sign_ups_make_one() {
    for kind in KINDS {
        check_equal_sign_ups(&OwnDatabase::new(kind)).await;
    }
}

async fn check_equal_sign_ups(database: &OwnDatabase) {
    let site = database.site().start().await;
    let ann = User::new();
    let answers = together((0..50).map(|_| {
        let (client, fields) = (site.client(), ann.fields());
        async move { client.post("/accounts/signup/", fields).await }
    }))
    .await;
    // The same form from all: each hears of the one account that it made.
    assert!(count(&answers, 302) > 0);
    for answer in &answers {
        assert!(
            [302, 400, 503].contains(&answer.status),
            "{}",
            answer.status
        );
        if answer.status == 400 {
            assert!(
                answer.page().words().contains("already in use"),
                "{}",
                answer.page().words()
            );
        }
    }
    for table in [
        "auth_user",
        "phone_auth_emailaddress",
        "phone_auth_phonenumber",
    ] {
        assert_eq!(
            database.number(&format!("SELECT count(*) FROM {table}")),
            1,
            "{table}"
        );
    }
    site.log_in(&ann).await;
}

#[tokio::test]
async fn sign_ups_that_share_one_thing_make_one() {
    let site = Site::start().await;
    for shared in ["username", "email", "phone"] {
        let ann = User::new();
        let value = match shared {
            "username" => &ann.username,
            "email" => &ann.email,
            _ => &ann.phone,
        };
        let answers = together((0..10).map(|_| {
            let fields = phone_auth_tests::changed(User::new().fields(), shared, value);
            let client = site.client();
            async move { client.post("/accounts/signup/", fields).await }
        }))
        .await;
        assert_eq!(
            (count(&answers, 302), count(&answers, 400)),
            (1, 9),
            "{shared}"
        );
        for answer in answers.iter().filter(|answer| answer.status == 400) {
            let form = answer.page().form_with(&["first_name"]);
            let wrong: Vec<&str> = form
                .fields
                .iter()
                .filter(|field| field.is_invalid)
                .map(|field| field.name.as_str())
                .collect();
            assert_eq!(wrong, [shared]);
        }
    }
    assert_eq!(site.database().number("SELECT count(*) FROM auth_user"), 3);
}

#[tokio::test]
async fn one_reset_link_has_one_winner() {
    for kind in KINDS {
        check_one_reset_link(&OwnDatabase::new(kind)).await;
    }
}

async fn check_one_reset_link(database: &OwnDatabase) {
    let site = database.site().start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let mut ready = Vec::new();
    for n in 0..20 {
        let client = site.client();
        let path = client.open_reset_link(link.url()).await;
        let page = client.get(&path).await.expect(200).page();
        let password = format!("walnut-Harbour-{n}");
        let values =
            ["new_password1", "new_password2"].map(|name| (name.to_owned(), password.clone()));
        ready.push((
            client,
            path,
            page.form_with(&["new_password1"]).filled(&values),
            password,
        ));
    }
    let answers = together(
        ready
            .into_iter()
            .map(|(client, path, form, password)| async move {
                (client.send_form(&path, &form).await, password)
            }),
    )
    .await;
    let (winners, losers): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(answer, _)| answer.status == 302);
    assert_eq!(winners.len(), 1, "one wins");
    for (answer, password) in losers {
        assert!([400, 503].contains(&answer.status), "{}", answer.status);
        site.client()
            .log_in(&ann.username, &password)
            .await
            .expect(400);
    }
    for (_, password) in winners {
        site.client()
            .log_in(&ann.username, &password)
            .await
            .expect(302);
    }
}

#[tokio::test]
async fn old_password_does_not_survive_a_reset() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        check_log_ins_during_a_reset(&database.site().start().await).await;
    }
}

async fn check_log_ins_during_a_reset(site: &Site) {
    for round in 0..3 {
        let ann = site.signed_up().await;
        let link = site.reset_link(&ann.email).await;
        let new = format!("walnut-Harbour-{round}");
        let resetter = site.client();
        let form = resetter.open_reset_link(link.url()).await;
        let page = resetter.get(&form).await.expect(200).page();
        let values = ["new_password1", "new_password2"].map(|name| (name.to_owned(), new.clone()));
        let filled = page.form_with(&["new_password1"]).filled(&values);
        let reset = tokio::spawn(async move { resetter.send_form(&form, &filled).await });
        let log_ins = together((0..12).map(|_| {
            let (client, ann) = (site.client(), ann.clone());
            async move {
                let answer = client.post_log_in(&ann.username, &ann.password).await;
                assert!(
                    [302, 400, 503].contains(&answer.status),
                    "{}",
                    answer.status
                );
                client
            }
        }))
        .await;
        let reset = reset.await.expect("the reset is answered");
        // A log-in that came before it ends the link; then the old password stays, as it should.
        let (right, wrong) = if reset.status == 302 {
            (&new, &ann.password)
        } else {
            (&ann.password, &new)
        };
        site.client().log_in(&ann.username, wrong).await.expect(400);
        site.client().log_in(&ann.username, right).await.expect(302);
        if reset.status == 302 {
            for client in log_ins {
                assert!(
                    !client.is_logged_in().await,
                    "a session by the old password lives on"
                );
            }
        }
    }
}

#[tokio::test]
async fn change_during_log_ins_ends_them() {
    let site = Site::start().await;
    let ann = site.member().await;
    let user = ann.user.clone();
    let changing = {
        let client = ann.client.clone();
        let old = user.password.clone();
        tokio::spawn(async move { client.change_password(&old, "walnut-Harbour-22").await })
    };
    let clients = together((0..12).map(|_| {
        let (client, user) = (site.client(), user.clone());
        async move {
            client.post_log_in(&user.username, &user.password).await;
            client
        }
    }))
    .await;
    changing
        .await
        .expect("the change is answered")
        .redirects_to("/accounts/change_password_done/");
    for client in clients {
        assert!(
            !client.is_logged_in().await,
            "a session by the old password lives on"
        );
    }
    assert!(ann.client.is_logged_in().await);
    site.client()
        .log_in(&user.username, &user.password)
        .await
        .expect(400);
}

#[tokio::test]
async fn one_verification_link_verifies_once() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let answers = together((0..20).map(|_| {
        let (client, url) = (site.client(), link.url().to_owned());
        async move { client.get(&url).await.expect(200) }
    }))
    .await;
    let won = answers
        .iter()
        .filter(|answer| answer.page().words().contains("Verification successful"))
        .count();
    assert_eq!(won, 1, "the others are told that it is verified already");
    ann.client.get("/members/email/").await.expect(200);
}

#[tokio::test]
async fn verifying_during_changes_loses_nothing() {
    let site = Site::start().await;
    let ann = site.member().await;
    let by_email = site.verification_link(&ann.client, &ann.user.email).await;
    let by_phone = site.verification_link(&ann.client, &ann.user.phone).await;
    let added = User::another_email();
    let change = {
        let Member { client, user, .. } = ann.clone();
        tokio::spawn(async move {
            client
                .change_password(&user.password, "walnut-Harbour-22")
                .await
        })
    };
    let add = {
        let (client, added) = (ann.client.clone(), added.clone());
        tokio::spawn(async move { client.add_address(&added).await })
    };
    let opened = together([by_email, by_phone].map(|link| {
        let client = site.client();
        async move { client.get(link.url()).await.expect(200) }
    }))
    .await;
    for answer in opened {
        answer.says("Verification successful");
    }
    change.await.expect("answered").expect(302);
    // A change of password gives the session another key: by the old one one must log in first.
    let added_to = add.await.expect("answered").expect(302);
    if added_to.location().starts_with("/accounts/login/") {
        ann.client.add_address(&added).await.expect(302);
    }
    ann.client.get("/members/email/").await.expect(200);
    ann.client.get("/members/phone/").await.expect(200);
    site.client()
        .log_in(&added, "walnut-Harbour-22")
        .await
        .expect(302);
}

#[tokio::test]
async fn one_user_gets_a_claimed_address() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        check_claims(&database.site().start().await).await;
    }
}

async fn check_claims(site: &Site) {
    let mut members = Vec::new();
    for _ in 0..8 {
        members.push(site.member().await);
    }
    for value in [User::another_email(), User::another_phone()] {
        let answers = together(members.iter().map(|member| {
            let (client, value) = (member.client.clone(), value.clone());
            async move { client.add_address(&value).await }
        }))
        .await;
        assert_eq!(count(&answers, 302), 8, "{value}");
        let mut links = Vec::new();
        for member in &members {
            links.push(site.verification_link(&member.client, &value).await);
        }
        // All have proven it, and one of them first.
        let opened = together(links.into_iter().map(|link| {
            let client = site.client();
            async move { client.post(link.url(), [("", ""); 0]).await }
        }))
        .await;
        let counts = (count(&opened, 200), count(&opened, 400));
        assert_eq!(counts, (1, 7), "{value}");
        for member in &members {
            let rows = member.client.unverified().await;
            assert!(rows.iter().all(|row| row.value != value), "{rows:?}");
        }
    }
}

#[tokio::test]
async fn parallel_changes_have_one_winner() {
    let site = Site::start().await;
    let ann = site.member().await;
    let page = ann
        .client
        .get("/accounts/change_password/")
        .await
        .expect(200)
        .page();
    let form = page.form_with(&["old_password"]);
    let answers = together((0..8).map(|n| {
        let new = format!("walnut-Harbour-{n}");
        let values = [
            ("old_password", &ann.user.password),
            ("new_password1", &new),
            ("new_password2", &new),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()));
        let (client, form) = (ann.client.clone(), form.clone().filled(&values));
        async move {
            (
                client
                    .send_form("/accounts/change_password/", &form)
                    .await
                    .status,
                new,
            )
        }
    }))
    .await;
    assert!(
        answers
            .iter()
            .all(|(status, _)| *status < 500 || *status == 503),
        "{answers:?}"
    );
    let winners: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 302)
        .collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for (_, password) in winners {
        site.client()
            .log_in(&ann.user.username, password)
            .await
            .expect(302);
    }
}
