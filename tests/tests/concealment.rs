//! A stranger learns from signing up and from adding addresses whether nobody or someone has them: neither from a page, a
//! cookie, a redirect nor a log-in, with the same walk for what is taken and for what is free.
#![expect(
    clippy::indexing_slicing,
    reason = "what is not there is a failed test"
)]

use phone_auth_tests::{Kind, OwnDatabase, Site, SiteOptions, User, told};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

const ADDRESSES: &str = "/accounts/user_verification/";

fn concealing(options: SiteOptions) -> SiteOptions {
    options
        .setting("conceal_accounts", "true")
        .setting("verify_at_sign_up", "true")
        .setting("register_username_required", "false")
}

/// Someone who has signed up and proven both addresses, and is a name by them.
async fn owner(site: &Site) -> User {
    let (client, owner) = (site.client(), User::new());
    client.sign_up(&owner).await.expect(302);
    for (signal, value) in [
        ("verify_email", &owner.email),
        ("verify_phone", &owner.phone),
    ] {
        let link = site.printed(signal, value).await;
        let clicked = client.post(link.url(), [("", ""); 0]).await;
        clicked.expect(200).says("Verification successful");
    }
    owner
}

/// Waits until an owner is told of what was tried, after what they were told before.
async fn is_told(site: &Site, (signal, value): (&str, &str), tried: &str) {
    for nth in 1.. {
        let notice = site.nth_printed(signal, value, nth).await;
        if notice.payload["change"]["what"] == tried {
            return;
        }
    }
}

/// What a stranger sees who signs up, looks around, types wrong codes, asks again and signs in elsewhere.
async fn walk(site: &Site, email: &str, phone: &str) -> Vec<String> {
    let client = site.client();
    let user = User {
        email: email.to_owned(),
        phone: phone.to_owned(),
        ..User::new()
    };
    let typed = [email, phone, user.username.as_str()];
    let mut seen = Vec::new();
    let signed_up = client.sign_up(&user).await;
    seen.push(told(&signed_up, &typed));
    let page = client.get(&client.path_of(&signed_up)).await;
    seen.push(told(&page, &typed));
    let rows = client.unverified().await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in &rows {
        let fields = [("method", &row.method), ("pk", &row.pk)];
        let fields = fields.map(|(name, value)| (name, value.as_str()));
        seen.push(told(&client.post(ADDRESSES, fields).await, &typed));
        let code = [fields[0], fields[1], ("code", "000000")];
        seen.push(told(&client.post(ADDRESSES, code).await, &typed));
        let edit = format!("/accounts/address/?method={}&pk={}", row.method, row.pk);
        seen.push(told(&client.get(&edit).await, &typed));
    }
    seen.push(told(&client.get("/accounts/profile/").await, &typed));
    // What was chosen just now opens nothing by what may be someone else's, and all by what is theirs.
    for login in [email, phone] {
        let tried = site.client().post_log_in(login, &user.password).await;
        seen.push(told(&tried, &typed));
        let asked = site.client().ask_reset(login).await;
        seen.push(told(&asked, &typed));
    }
    let by_username = site.client();
    let logged_in = by_username
        .post_log_in(&user.username, &user.password)
        .await;
    logged_in.redirects_to("/accounts/profile/");
    // The same form once more, and another with the same names.
    for again in [
        user.clone(),
        User {
            username: user.username.clone(),
            ..User::new()
        },
    ] {
        seen.push(told(
            &site.client().sign_up(&again).await,
            &typed_by(&again),
        ));
    }
    seen
}

fn typed_by(user: &User) -> [&str; 3] {
    [&user.email, &user.phone, &user.username]
}

/// How a walk of a taken address differs from that of a free one.
#[track_caller]
fn assert_same(free: &[String], taken: &[String]) {
    assert_eq!(free.len(), taken.len());
    for (step, (free, taken)) in free.iter().zip(taken).enumerate() {
        assert_eq!(free, taken, "step {step}");
    }
}

#[tokio::test]
async fn sign_up_tells_nobody_apart() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = concealing(database.site()).start().await;
        let owner = owner(&site).await;
        let (free_email, free_phone) = (User::another_email(), User::another_phone());
        let free = walk(&site, &free_email, &free_phone).await;
        let taken = walk(&site, &owner.email, &owner.phone).await;
        assert_same(&free, &taken);
        // A second sign-up with what was free, and one with half of each.
        let again = walk(&site, &free_email, &free_phone).await;
        assert_same(&free, &again);
        let half = walk(&site, &owner.email, &User::another_phone()).await;
        assert_same(&free, &half);
        for (signal, value) in [
            ("security_notice_email", &owner.email),
            ("security_notice_phone", &owner.phone),
        ] {
            is_told(&site, (signal, value), "sign_up_tried").await;
        }
        assert_eq!(site.count("verify_email", &owner.email), 1, "their own");
        // Nothing was taken from the owner.
        let client = site.client();
        let log_in = client.log_in(&owner.email, &owner.password).await;
        log_in.redirects_to("/accounts/profile/");
    }
}

/// What a stranger sees who adds an address.
async fn adding(site: &Site, value: &str) -> Vec<String> {
    let (client, user) = (site.client(), User::new());
    client.sign_up(&user).await.expect(302);
    client.confirm_identity(&user.password).await.expect(302);
    let typed = [value, &user.email, &user.phone, &user.username];
    let mut seen = Vec::new();
    seen.push(told(&client.add_address(value).await, &typed));
    seen.push(told(&client.get(ADDRESSES).await, &typed));
    let rows = client.unverified().await;
    let row = rows.iter().find(|row| row.value == value);
    let Some(row) = row else {
        unreachable!("{value} is listed: {rows:?}")
    };
    let fields = [("method", row.method.as_str()), ("pk", row.pk.as_str())];
    let asked = client.post(ADDRESSES, fields).await;
    seen.push(told(&asked, &typed));
    seen.push(told(&client.get(&client.path_of(&asked)).await, &typed));
    for _ in 0..6 {
        let code = [fields[0], fields[1], ("code", "000000")];
        seen.push(told(&client.post(ADDRESSES, code).await, &typed));
    }
    seen.push(told(&client.add_address(value).await, &typed));
    seen.push(told(&client.remove_address(value).await, &typed));
    seen.push(told(&client.get(ADDRESSES).await, &typed));
    seen
}

#[tokio::test]
async fn adding_tells_nobody_apart() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = concealing(database.site()).start().await;
        let owner = owner(&site).await;
        for (free, taken, signal) in [
            (User::another_email(), &owner.email, "security_notice_email"),
            (User::another_phone(), &owner.phone, "security_notice_phone"),
        ] {
            let free = adding(&site, &free).await;
            assert_same(&free, &adding(&site, taken).await);
            is_told(&site, (signal, taken), "adding_tried").await;
        }
    }
}

/// Someone signs up with an address that is not theirs, and its owner, who knows nothing of it, signs up as well.
#[tokio::test]
async fn squatter_of_a_concealed_address_has_nothing() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = concealing(database.site()).start().await;
        let squatter = User::new();
        let squatting = site.client();
        squatting.sign_up(&squatter).await.expect(302);
        let (client, owner) = (
            site.client(),
            User {
                username: User::new().username,
                password: "owner-Orchard-1".to_owned(),
                ..squatter.clone()
            },
        );
        client.sign_up(&owner).await.expect(302);
        let link = site.nth_printed("verify_email", &owner.email, 2).await;
        let proven = client.post(link.url(), [("", ""); 0]).await;
        proven.expect(200).says("Verification successful");
        site.client()
            .log_in(&owner.email, &owner.password)
            .await
            .redirects_to("/accounts/profile/");
        let out = site.client().log_in(&owner.email, &squatter.password).await;
        out.expect(400);
        // The squatter sees what they would see of an address that nobody proves, and can prove it no more.
        let theirs = squatting.unverified().await;
        assert!(
            theirs.iter().any(|row| row.value == owner.email),
            "{theirs:?}"
        );
        let late = site.nth_printed("verify_email", &owner.email, 1).await;
        squatting.get(late.url()).await.expect(400);
        let own_row = format!(
            "SELECT email FROM auth_user WHERE username = '{}'",
            owner.username
        );
        assert_eq!(database.text(&own_row), owner.email, "Django sees it");
    }
}
