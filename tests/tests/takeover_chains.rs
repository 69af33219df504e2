//! Steps by which someone might take an account, or an address, that is another's: each ends with the owner in and the
//! other out.
#![expect(
    clippy::indexing_slicing,
    reason = "what is not there is a failed test"
)]

use phone_auth_tests::{Answer, Client, Kind, OwnDatabase, Site, User};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

const OWNERS: &str = "owner-Orchard-1";
const STRANGERS: &str = "stranger-Orchard-2";

/// Asks for a reset by an address that must not reset anything.
async fn gets_no_reset(site: &Site, value: &str) {
    let (client, link) = (site.client(), site.reset_link(value).await);
    let form = client.open_reset_link(link.url()).await;
    let page = client.get(&form).await.expect(200);
    page.says("never confirmed it").does_not_say("New Password");
}

/// Runs a command as an operator.
fn operate(database: &OwnDatabase, command: &[&str]) {
    let key = database.key_file();
    let Some(key) = key.to_str() else {
        unreachable!("the folder's name is UTF-8")
    };
    let url = database.url();
    let options = ["--database", &url, "--secret-key-file", key];
    let variables = [("PHONE_AUTH_DEVELOPMENT", "true")];
    let arguments = [command, &options].concat();
    let ran = phone_auth_tests::run(database.folder(), &arguments, &variables, "");
    assert!(ran.success, "{}", ran.said());
}

/// Someone signs up with an address that is not theirs and waits for its owner to use the account.
#[tokio::test]
async fn pre_hijack_ends_at_the_first_reset() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().start().await;
        let stranger = site.member().await;
        // They have a way back ready: a link that verifies a number of theirs.
        let way_back = site
            .verification_link(&stranger.client, &stranger.user.phone)
            .await;
        let owner = site.client();
        let link = site.reset_link(&stranger.user.email).await;
        owner.reset(link.url(), OWNERS).await.expect(302);
        assert!(!stranger.client.is_logged_in().await);
        for login in [
            &stranger.user.username,
            &stranger.user.email,
            &stranger.user.phone,
        ] {
            let log_in = site.client().log_in(login, &stranger.user.password).await;
            log_in.expect(400);
        }
        site.client().meets_dead_verification(way_back.url()).await;
        gets_no_reset(&site, &stranger.user.phone).await;
        owner
            .log_in(&stranger.user.email, OWNERS)
            .await
            .redirects_to("/accounts/profile/");
    }
}

/// Someone signs up with an address that is not theirs, and its owner opens the link that verifies it.
#[tokio::test]
async fn pre_hijack_ends_after_a_verification() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().start().await;
        let stranger = site.member().await;
        let verification = site
            .verification_link(&stranger.client, &stranger.user.email)
            .await;
        let owner = site.client();
        let page = owner.get(verification.url()).await.expect(200);
        page.says("Verification successful")
            .says("Didn’t create this account?");
        let link = site.reset_link(&stranger.user.email).await;
        owner.reset(link.url(), OWNERS).await.expect(302);
        assert!(!stranger.client.is_logged_in().await);
        gets_no_reset(&site, &stranger.user.phone).await;
    }
}

/// Someone with the password adds an address of theirs and proves it.
#[tokio::test]
async fn added_address_of_a_thief_gets_no_reset() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().start().await;
        let owner = site.member().await;
        site.verify(&owner.client, &owner.user.email).await;
        let thief = site.log_in(&owner.user).await;
        let known = [owner.user.password.as_str(), OWNERS];
        for (value, known) in [User::another_email(), User::another_phone()]
            .into_iter()
            .zip(known)
        {
            thief.client.confirm_identity(known).await.expect(302);
            thief.client.add_address(&value).await.expect(302);
            // The seconds of two proofs differ.
            tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
            site.verify(&thief.client, &value).await;
            let link = site.reset_link(&owner.user.email).await;
            let client = site.client();
            client.reset(link.url(), OWNERS).await.expect(302);
            assert!(!thief.client.is_logged_in().await);
            gets_no_reset(&site, &value).await;
            thief
                .client
                .log_in(&owner.user.username, OWNERS)
                .await
                .redirects_to("/accounts/profile/");
        }
        // The thief who is first to reset does not keep the owner out either.
        let value = User::another_email();
        thief.client.confirm_identity(OWNERS).await.expect(302);
        thief.client.add_address(&value).await.expect(302);
        site.verify(&thief.client, &value).await;
        let link = site.reset_link(&value).await;
        let client = site.client();
        client.reset(link.url(), STRANGERS).await.expect(302);
        let link = site.reset_link(&owner.user.email).await;
        client.reset(link.url(), OWNERS).await.expect(302);
        gets_no_reset(&site, &value).await;
        client
            .log_in(&owner.user.email, OWNERS)
            .await
            .redirects_to("/accounts/profile/");
    }
}

/// Someone with the password goes on until the owner's address is out of the account, by removing or by changing it. The owner is
/// told at each step, where they can still secure the account until it is gone; and then whom to ask, who puts it right.
#[tokio::test]
async fn thief_who_removes_the_address_is_told_of_in_time() {
    for (kind, by_change) in KINDS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let owner = site.member().await;
        let own = &owner.user.email;
        site.verify(&owner.client, own).await;
        let thief = site.log_in(&owner.user).await;
        let confirmed = thief.client.confirm_identity(&owner.user.password);
        confirmed.await.expect(302);
        let theirs = User::another_email();
        let path = "/accounts/address/?method=email&pk=1";
        if by_change {
            let change = [("action", "change"), ("email", theirs.as_str())];
            thief.client.post(path, change).await.expect(302);
            let link = site.printed("verify_email", &theirs).await;
            let verified = thief.client.get(link.url()).await.expect(200);
            verified.says("Verification successful");
        } else {
            thief.client.add_address(&theirs).await.expect(302);
            site.verify(&thief.client, &theirs).await;
            let removed = thief.client.post(path, [("action", "remove")]).await;
            removed.expect(302);
        }
        site.delivered().await;
        let printed = site.record().printed();
        let notices = printed
            .iter()
            .filter(|it| it.signal == "security_notice_email" && it.destination() == own);
        let mut told = Vec::new();
        for notice in notices {
            assert_eq!(notice.url(), "/accounts/password_reset/");
            let what = notice.payload["change"]["what"].as_str();
            told.push(what.unwrap_or_default().to_owned());
        }
        // Each is a message of its own, which may overtake another.
        told.sort_unstable();
        let steps: &[_] = if by_change {
            &[
                "address_added",
                "address_removed",
                "address_verified",
                "primary_changed",
            ]
        } else {
            &["address_added", "address_removed", "address_verified"]
        };
        assert_eq!(told, steps, "{kind:?}");
        // The address leads to no account any more; an operator is asked, who finds it in the notice.
        let before = site.count("reset_password_email", own);
        site.client().ask_reset(own).await.expect(302);
        site.delivered().await;
        assert_eq!(site.count("reset_password_email", own), before);
        let username = &owner.user.username;
        operate(&database, &["user", "add-address", username, own]);
        operate(&database, &["user", "verify", own]);
        operate(&database, &["user", "remove-address", &theirs]);
        let link = site.reset_link(own).await;
        let client = site.client();
        client.reset(link.url(), OWNERS).await.expect(302);
        assert!(!thief.client.is_logged_in().await);
        client
            .log_in(own, OWNERS)
            .await
            .redirects_to("/accounts/profile/");
        let out = site.client().log_in(&theirs, &owner.user.password).await;
        out.expect(400);
    }
}

/// Someone holds an address that is not theirs, without proof, in an account that they have proven otherwise.
#[tokio::test]
async fn squatter_gives_the_address_up() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().start().await;
        let squatter = site.member().await;
        site.verify(&squatter.client, &squatter.user.phone).await;
        let link = site.reset_link(&squatter.user.email).await;
        let client = site.client();
        // A scanner that opens it takes nothing.
        site.client().get(link.url()).await.expect(302);
        let form = client.open_reset_link(link.url()).await;
        let fields = [("new_password1", OWNERS), ("new_password2", OWNERS)];
        let freed = client.post(&form, fields).await.expect(200);
        freed.says("is in no account any more");
        client.meets_dead_reset(link.url()).await;
        let owner = User {
            email: squatter.user.email.clone(),
            ..User::new()
        };
        client.sign_up(&owner).await.expect(302);
        client
            .log_in(&owner.email, &owner.password)
            .await
            .redirects_to("/accounts/profile/");
        site.verify(&client, &owner.email).await;
        // The squatter has their own account as before, without it.
        assert!(squatter.client.is_logged_in().await);
        squatter
            .client
            .add_address(&owner.email)
            .await
            .expect(400)
            .says("This email address is already in use");
    }
}

/// Someone holds an address without proof that is another's, who signs up with it.
#[tokio::test]
async fn squatted_address_is_signed_up_with() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().setting("verify_at_sign_up", "true");
        let site = site.start().await;
        let (squatting, squatter) = (site.client(), User::new());
        squatting.sign_up(&squatter).await.expect(302);
        let owner = User {
            email: squatter.email.clone(),
            phone: squatter.phone.clone(),
            ..User::new()
        };
        let client = site.client();
        client.sign_up(&owner).await.expect(302);
        for (signal, value) in [
            ("verify_email", &owner.email),
            ("verify_phone", &owner.phone),
        ] {
            let link = site.nth_printed(signal, value, 2).await;
            let proven = client.post(link.url(), [("", ""); 0]).await;
            proven.expect(200).says("Verification successful");
            let log_in = site.client().log_in(value, &owner.password).await;
            log_in.redirects_to("/accounts/profile/");
            let out = site.client().log_in(value, &squatter.password).await;
            out.expect(400);
        }
        assert!(squatting.unverified().await.is_empty());
        // What the owner has proven is taken.
        let late = User {
            email: owner.email.clone(),
            ..User::new()
        };
        let refused = site.client().sign_up(&late).await.expect(400);
        refused.says("This email address is already in use");
    }
}

/// Someone holds an address without proof that is another user's, who adds it to an account of their own.
#[tokio::test]
async fn address_is_of_who_proves_it() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().start().await;
        let (squatter, owner) = (site.member().await, site.member().await);
        for value in [&squatter.user.email, &squatter.user.phone] {
            owner.client.add_address(value).await.expect(302);
            // Until it is proven it is the squatter's name as before.
            let client = site.client();
            let log_in = client.log_in(value, &squatter.user.password).await;
            log_in.redirects_to("/accounts/profile/");
            let link = site.verification_link(&owner.client, value).await;
            // A scanner that opens the link takes it from nobody.
            let asked = site.client().get(link.url()).await.expect(200);
            asked.says("This confirms");
            let rows = squatter.client.unverified().await;
            assert!(rows.iter().any(|row| row.value == *value));
            for says in ["Verification successful", "is already verified"] {
                let clicked = client.post(link.url(), [("", ""); 0]).await;
                clicked.expect(200).says(says);
            }
            let rows = squatter.client.unverified().await;
            assert!(rows.iter().all(|row| row.value != *value));
            let client = site.client();
            client
                .log_in(value, &squatter.user.password)
                .await
                .expect(400);
            let client = site.client();
            client
                .log_in(value, &owner.user.password)
                .await
                .redirects_to("/accounts/profile/");
            let again = squatter.client.add_address(value).await.expect(400);
            again.says("is already in use");
        }
        // They have their own account as before, without what was not theirs.
        assert!(squatter.client.is_logged_in().await);
        let user = &squatter.user;
        let client = site.client();
        client
            .log_in(&user.username, &user.password)
            .await
            .redirects_to("/accounts/profile/");
        // Who claims what its owner proves a moment later has nothing of it.
        squatter
            .client
            .add_address(&owner.user.email)
            .await
            .expect(302);
        let link = site
            .verification_link(&squatter.client, &owner.user.email)
            .await;
        site.verify(&owner.client, &owner.user.email).await;
        squatter.client.meets_dead_verification(link.url()).await;
        assert!(squatter.client.unverified().await.is_empty());
    }
}

/// Someone signs up with an address that is not theirs, and the scanner of its owner's mail opens the link that verifies it.
#[tokio::test]
async fn scanner_that_verifies_gives_nothing_away() {
    for (kind, has_proof) in KINDS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let stranger = site.member().await;
        let (email, number) = (&stranger.user.email, &stranger.user.phone);
        if has_proof {
            // A number of theirs, so that they have a way back that is older.
            site.verify(&stranger.client, number).await;
            // The seconds of two proofs differ.
            tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        }
        let link = site.verification_link(&stranger.client, email).await;
        site.client().get(link.url()).await.expect(200);
        let rows = stranger.client.unverified().await;
        assert!(
            rows.iter().all(|row| row.value != *email),
            "it was verified"
        );
        // The owner has the account, and the stranger is out.
        let owner = site.client();
        let link = site.reset_link(email).await;
        owner.reset(link.url(), OWNERS).await.expect(302);
        assert!(!stranger.client.is_logged_in().await);
        for login in [email, number, &stranger.user.username] {
            let log_in = site.client().log_in(login, &stranger.user.password).await;
            log_in.expect(400);
        }
        owner
            .log_in(email, OWNERS)
            .await
            .redirects_to("/accounts/profile/");
        if !has_proof {
            gets_no_reset(&site, number).await;
            continue;
        }
        // By their number the stranger has the account again that they made, and the owner's address is out of it: it is
        // the owner's, in an account of their own.
        let client = site.client();
        let link = site.reset_link(number).await;
        client.reset(link.url(), STRANGERS).await.expect(302);
        assert!(!owner.is_logged_in().await);
        let (link, client) = (site.reset_link(email).await, site.client());
        let form = client.open_reset_link(link.url()).await;
        let fields = [("new_password1", OWNERS), ("new_password2", OWNERS)];
        let freed = client.post(&form, fields).await.expect(200);
        freed.says("is in no account any more");
        let own = User {
            email: email.clone(),
            ..User::new()
        };
        client.sign_up(&own).await.expect(302);
        client
            .log_in(email, &own.password)
            .await
            .redirects_to("/accounts/profile/");
        site.verify(&client, email).await;
        let out = site.client().log_in(email, STRANGERS).await;
        out.expect(400);
    }
}

/// The same where a click verifies: a scanner does nothing.
#[tokio::test]
async fn scanner_verifies_nothing_without_a_click() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().setting("verify_by_click", "true");
        let site = site.start().await;
        let stranger = site.member().await;
        let email = &stranger.user.email;
        let link = site.verification_link(&stranger.client, email).await;
        site.client()
            .get(link.url())
            .await
            .expect(200)
            .says("This confirms");
        let rows = stranger.client.unverified().await;
        assert!(rows.iter().any(|row| row.value == *email), "{rows:?}");
    }
}

/// The carrier gives a proven number to someone else, who receives what is sent to it, and resets the password.
#[tokio::test]
async fn recycled_number_leads_out_of_the_account() {
    for (kind, is_number_first) in KINDS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let owner = site.member().await;
        let (email, number) = (&owner.user.email, &owner.user.phone);
        let mut addresses = [email, number];
        if is_number_first {
            addresses.reverse();
        }
        for value in addresses {
            // The seconds of two proofs differ.
            tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
            site.verify(&owner.client, value).await;
        }
        let link = site.reset_link(number).await;
        let stranger = site.client();
        stranger.reset(link.url(), STRANGERS).await.expect(302);
        stranger.log_in(number, STRANGERS).await.expect(302);
        if is_number_first {
            // The older proof counts for more, and it is the stranger's by now: the owner calls an operator.
            gets_no_reset(&site, email).await;
            operate(&database, &["user", "remove-address", number]);
            operate(&database, &["user", "verify", email]);
        }
        let link = site.reset_link(email).await;
        owner.client.reset(link.url(), OWNERS).await.expect(302);
        assert!(!stranger.is_logged_in().await);
        if !is_number_first {
            gets_no_reset(&site, number).await;
        }
        // Now the number can be of an account of the one who has it.
        let holder = site.member().await;
        holder.client.add_address(number).await.expect(302);
        let link = site.verification_link(&holder.client, number).await;
        let verified = holder.client.post(link.url(), [("", ""); 0]).await;
        verified.expect(200).says("Verification successful");
        let client = site.client();
        client
            .log_in(number, &holder.user.password)
            .await
            .expect(302);
        let client = site.client();
        client
            .log_in(email, OWNERS)
            .await
            .redirects_to("/accounts/profile/");
    }
}

/// Someone signs up with an address that is not theirs, the scanner of its owner's mail opens the link that verifies it, and the
/// owner signs in without a password, by a code or by a link.
#[tokio::test]
async fn scanner_that_verifies_lets_nobody_stay() {
    let bys = [By::Code, By::Link, By::LinkElsewhere];
    for (kind, by) in KINDS.into_iter().flat_map(|it| bys.map(|by| (it, by))) {
        let database = OwnDatabase::new(kind);
        let site = database.site().setting("login_by_code", "true");
        let site = site.start().await;
        let stranger = site.member().await;
        // A number of their own stays in the account, and lets them in unseen no more.
        let has_number = matches!(by, By::Link);
        if has_number {
            site.verify(&stranger.client, &stranger.user.phone).await;
        }
        let email = &stranger.user.email;
        let link = site.verification_link(&stranger.client, email).await;
        let scanned = site.client().get(link.url()).await.expect(200);
        scanned.says("Verification successful");
        let (owner, answer) = signs_in(&site, site.client(), email, by).await;
        let form = owner.path_of(&answer.expect(302));
        let page = owner.get(&form).await.expect(200);
        page.says("Choose a new password before you sign in");
        assert!(!owner.is_logged_in().await, "{kind:?} {by:?}");
        let fields = [("new_password1", OWNERS), ("new_password2", OWNERS)];
        let set = owner.submit(&form, fields).await;
        set.redirects_to("/accounts/password_reset_complete/");
        // The stranger is out, and the owner is asked once.
        assert!(!stranger.client.is_logged_in().await, "{kind:?} {by:?}");
        let user = &stranger.user;
        for login in [email, &user.phone, &user.username] {
            let log_in = site.client().log_in(login, &user.password).await;
            log_in.expect(400);
        }
        if has_number {
            let (stranger, answer) = signs_in(&site, site.client(), &user.phone, by).await;
            stranger.path_of(&answer.expect(302));
            assert!(!stranger.is_logged_in().await, "{kind:?} {by:?}");
        } else {
            gets_no_reset(&site, &user.phone).await;
        }
        let (owner, answer) = signs_in(&site, site.client(), email, by).await;
        answer.redirects_to("/accounts/profile/");
        assert!(owner.is_logged_in().await, "{kind:?} {by:?}");
        site.client().log_in(email, OWNERS).await.expect(302);
    }
}

/// A stranger who has asked for the code as well, and sees it on a screen, chooses no password once its owner has typed it.
#[tokio::test]
async fn code_to_a_new_password_is_used_in_one_browser() {
    const DONE: &str = "/accounts/login_code_done/";
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().setting("login_by_code", "true");
        let site = site.start().await;
        let ann = site.member().await;
        let email = &ann.user.email;
        let link = site.verification_link(&ann.client, email).await;
        site.client().get(link.url()).await.expect(200);
        let (owner, stranger) = (site.client(), site.client());
        let mut codes = Vec::new();
        for (number, client) in (1..).zip([&owner, &stranger]) {
            let asked = client.submit("/accounts/login_code/", [("login", email)]);
            asked.await.leads_to_code(DONE);
            let message = site.nth_printed("login_email", email, number).await;
            codes.push(message.code().to_owned());
        }
        let code = codes.pop().unwrap_or_default();
        assert_eq!(codes, [code.clone()], "{kind:?}");
        let typed = [("code", &code)];
        let used = owner.submit(DONE, typed).await.expect(302);
        let form = owner.path_of(&used);
        for _ in 0..2 {
            let late = stranger.post(DONE, typed).await;
            late.expect(400).says("was used or replaced");
        }
        assert!(!stranger.is_logged_in().await, "{kind:?}");
        // The second of two clicks, and the form.
        let again = owner.post(DONE, typed).await.expect(302);
        owner.path_of(&again);
        let fields = [("new_password1", OWNERS), ("new_password2", OWNERS)];
        let set = owner.submit(&form, fields).await;
        set.redirects_to("/accounts/password_reset_complete/");
        site.client().log_in(email, OWNERS).await.expect(302);
    }
}

/// The same link, opened on another device by the one who has signed up: their own browser is known, and keeps the password.
#[tokio::test]
async fn known_browser_signs_in_without_a_new_password() {
    for (kind, by) in KINDS
        .into_iter()
        .flat_map(|it| [(it, By::Code), (it, By::Link)])
    {
        let database = OwnDatabase::new(kind);
        let site = database.site().setting("login_by_code", "true");
        let site = site.start().await;
        let ann = site.member().await;
        let email = &ann.user.email;
        let link = site.verification_link(&ann.client, email).await;
        site.client().get(link.url()).await.expect(200);
        ann.client.log_out().await.expect(302);
        let (client, answer) = signs_in(&site, ann.client.clone(), email, by).await;
        answer.redirects_to("/accounts/profile/");
        assert!(client.is_logged_in().await, "{kind:?} {by:?}");
        let log_in = site.client().log_in(email, &ann.user.password).await;
        log_in.redirects_to("/accounts/profile/");
    }
}

/// By what someone signs in without a password.
#[derive(Clone, Copy, Debug)]
enum By {
    Code,
    Link,
    LinkElsewhere,
}

/// Signs in without a password; the browser that did it, and the answer.
async fn signs_in(site: &Site, client: Client, address: &str, by: By) -> (Client, Answer) {
    let signal = if address.contains('@') {
        "login_email"
    } else {
        "login_phone"
    };
    let before = site.count(signal, address);
    let asked = client.submit("/accounts/login_code/", [("login", address)]);
    asked.await.leads_to_code("/accounts/login_code_done/");
    let message = site.nth_printed(signal, address, before + 1).await;
    match by {
        By::Code => {
            let code = [("code", message.code())];
            let answer = client.submit("/accounts/login_code_done/", code).await;
            (client, answer)
        }
        By::Link => {
            client.get(message.url()).await.expect(200);
            let answer = client.post(message.url(), [("", ""); 0]).await;
            (client, answer)
        }
        By::LinkElsewhere => {
            let client = site.client();
            let code = [("code", message.code())];
            let answer = client.submit(message.url(), code).await;
            (client, answer)
        }
    }
}
