//! Names and addresses as other programs stored them, and as many as one may have.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{Kind, OwnDatabase, User, run};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// Stores another user with another user's password, as Django's `createsuperuser` would: with a username that the form
/// of the site does not take. The number of the row.
fn store(database: &OwnDatabase, username: &str, like: &User) -> i64 {
    let (username, like) = (username.replace('\'', "''"), &like.username);
    database.execute(&format!(
        "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,
            is_staff, is_active, date_joined)
        SELECT password, false, '{username}', '', '', '', false, true, date_joined FROM auth_user WHERE username = '{like}'"
    ));
    database.number("SELECT max(id) FROM auth_user")
}

/// A username that its owner would be taken for someone else by, if anyone could have it as an address.
#[tokio::test]
async fn username_that_is_an_address_is_its_owners() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let thief = site.member().await;
        let password = &thief.user.password;
        for (username, wanted) in [
            ("+919876500001", "+919876500001"),
            ("+91 98765 00002", "+91 98765 00002"),
            ("+91-98765-00003", "+919876500003"),
            ("00919876500004", "+919876500004"),
            ("919876500005", "+91 98765 00005"),
            ("Boss6@Example.org", "boss6@example.org"),
            ("boss7@b\u{fc}cher.example", "boss7@xn--bcher-kva.example"),
        ] {
            let boss = store(&database, username, &thief.user);
            let refused = thief.client.add_address(wanted).await.expect(400);
            refused.says(if wanted.contains('@') {
                "This email address is already in use"
            } else {
                "This phone number is already in use"
            });
            let mut user = User::new();
            if wanted.contains('@') {
                user.email = wanted.to_owned();
            } else {
                user.phone = wanted.to_owned();
            }
            site.client().sign_up(&user).await.expect(400);
            let client = site.client();
            client.log_in(username, password).await.expect(302);
            let profile = client.get("/accounts/profile/").await.expect(200);
            profile.says(username);
            database.execute(&format!(
                "DELETE FROM phone_auth_session WHERE person_id = {boss}"
            ));
            database.execute(&format!("DELETE FROM auth_user WHERE id = {boss}"));
        }
        // And the other way: nobody's number is a name to sign up with.
        let mut user = User::new();
        for prefix in ["", "00"] {
            user.username = thief.user.phone.replacen('+', prefix, 1);
            let refused = site.client().sign_up(&user).await.expect(400);
            refused.says("A username can’t be a phone number");
        }
    }
}

/// Addresses that Django took and we would write in another way or refuse.
#[tokio::test]
async fn addresses_of_django_work_as_stored() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let owner = site.signed_up().await;
        let id = database.number(&format!(
            "SELECT id FROM auth_user WHERE username = '{}'",
            owner.username
        ));
        let mut resets = 0;
        for (stored, typed, also) in [
            (
                "ann@b\u{fc}cher.example",
                "ann@b\u{fc}cher.example",
                "Ann@XN--BCHER-KVA.example",
            ),
            (
                "Ann@B\u{fc}cher.Example",
                "ann@b\u{fc}cher.example",
                "ann@B\u{dc}CHER.example",
            ),
            ("dan@localhost", "dan@localhost", "Dan@LOCALHOST"),
            (
                "\"dan\"@example.org",
                "\"dan\"@example.org",
                "\"DAN\"@example.org",
            ),
            ("Eve@Example.org", "eve@example.org", "EVE@EXAMPLE.ORG"),
            ("eve@example.org ", "eve@example.org", "Eve@example.org"),
        ] {
            database.execute(&format!(
                "UPDATE phone_auth_emailaddress SET email = '{stored}' WHERE user_id = {id}"
            ));
            for login in [typed, also] {
                resets += 1;
                let client = site.client();
                client.log_in(login, &owner.password).await.expect(302);
                // To what is stored, never to what was typed.
                let link = site.reset_link_to(login, stored).await;
                assert_eq!(link.destination(), stored);
                site.client().get(link.url()).await.expect(302);
                // Nobody makes a second account for the same mailbox.
                let mut user = User::new();
                login.clone_into(&mut user.email);
                site.client().sign_up(&user).await.expect(400);
            }
            let ran = run(
                site.folder(),
                &["check", "--database", &site.database_url()],
                &[],
                "",
            );
            let is_listed = ran.stderr.contains("an email address that is not written");
            assert_eq!(is_listed, stored != "Eve@Example.org", "{stored}: {ran:?}");
        }
        // What looks like a stored address is another.
        for (stored, typed) in [
            ("mike@example.org", "m\u{131}ke@example.org"),
            ("m\u{131}ke@example.org", "mike@example.org"),
            ("ann@b\u{fc}cher.example", "ann@bucher.example"),
        ] {
            database.execute(&format!(
                "UPDATE phone_auth_emailaddress SET email = '{stored}' WHERE user_id = {id}"
            ));
            site.client()
                .log_in(typed, &owner.password)
                .await
                .expect(400);
            site.client().ask_reset(typed).await.expect(302);
        }
        site.delivered().await;
        // All that it has printed is read once it has ended.
        let mut printed = site.stop().record.printed();
        printed.retain(|it| it.signal == "reset_password_email");
        assert_eq!(printed.len(), resets, "{printed:#?}");
    }
}

#[tokio::test]
async fn addresses_of_an_account_are_capped() {
    // As many as a stranger can add at once, to the default bounds.
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let (ann, bob) = (site.member().await, site.member().await);
        let id = database.number(&format!(
            "SELECT id FROM auth_user WHERE username = '{}'",
            ann.user.username
        ));
        let count = |what: &str| {
            database.number(&format!(
                "SELECT (SELECT count(*) FROM phone_auth_emailaddress WHERE user_id = {id}{what})
                + (SELECT count(*) FROM phone_auth_phonenumber WHERE user_id = {id}{what})"
            ))
        };
        let flood = async || {
            let adds = (0..20).map(|number| {
                let client = ann.client.clone();
                tokio::spawn(async move {
                    let value = if number % 2 == 0 {
                        User::another_email()
                    } else {
                        User::another_phone()
                    };
                    client.add_address(&value).await.status
                })
            });
            let adds: Vec<_> = adds.collect();
            for add in adds {
                let status = add.await.expect("a request does not panic");
                assert!(status == 302 || status == 400, "{status}");
            }
        };
        flood().await;
        assert_eq!(count(" AND NOT is_verified"), 5);
        let refused = ann.client.add_address(&User::another_email()).await;
        refused
            .expect(400)
            .says("at most 5 email addresses and phone numbers that are not verified");
        for _ in 0..3 {
            for table in ["phone_auth_emailaddress", "phone_auth_phonenumber"] {
                database.execute(&format!(
                    "UPDATE {table} SET is_verified = true WHERE user_id = {id}"
                ));
            }
            flood().await;
        }
        assert_eq!(count(""), 10);
        let refused = ann.client.add_address(&User::another_phone()).await;
        refused
            .expect(400)
            .says("at most 10 email addresses and phone numbers.");
        // Others go on as before.
        let added = bob.client.add_address(&User::another_email()).await;
        added.leads_to_added();
        let page = ann.client.get("/accounts/user_verification/").await;
        page.expect(200).says(&ann.user.email);
    }
}

/// An account that another program gave more addresses than anyone can add.
#[tokio::test]
async fn many_addresses_are_shown_in_part() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.member().await;
        let id = database.number(&format!(
            "SELECT id FROM auth_user WHERE username = '{}'",
            ann.user.username
        ));
        database.execute(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO phone_auth_emailaddress (email, is_verified, user_id)
        SELECT 'many' || i || '@example.org', false, {id} FROM n"
        ));
        let page = ann
            .client
            .get("/accounts/user_verification/")
            .await
            .expect(200);
        let page = page.says("You have more addresses than are shown here.");
        assert!(page.body.len() < 60_000, "{}", page.body.len());
        let refused = ann.client.add_address(&User::another_email()).await;
        refused.expect(400).says("No more can be added.");

        let client = site.client();
        client
            .log_in("many19999@example.org", &ann.user.password)
            .await
            .expect(302);
        let link = site.reset_link("many20000@example.org").await;
        let (head, _) = link.token().rsplit_once('-').expect("it says its address");
        for wrong in [format!("{head}-e1"), head.to_owned()] {
            let path = format!("/accounts/password_reset_confirm/{}/{wrong}/", link.id());
            site.client().meets_dead_reset(&path).await;
        }
        let reset = site.client().reset(link.url(), "marble-Cottage-31").await;
        reset.redirects_to("/accounts/password_reset_complete/");
    }
}
