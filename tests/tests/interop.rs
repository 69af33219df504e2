//! Django with django-phone-auth and our site on one database: whatever is done there counts here, and the
//! reverse.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::{SystemTime, UNIX_EPOCH};

use phone_auth_tests::{Client, Django, Site, User, run, until};

/// Both sites on one database.
async fn both() -> (Django, Site) {
    let django = Django::start().await;
    let site = django.successor().start().await;
    (django, site)
}

/// Someone who signed up by this client and is logged in with it.
async fn member(client: &Client) -> User {
    let ann = User::new();
    client.sign_up(&ann).await.expect(302);
    client
        .log_in(&ann.phone, &ann.password)
        .await
        .redirects_to("/accounts/profile/");
    ann
}

/// Asks for a verification link by the form beside an address, as a browser sends it: with the hidden
/// token, which Django wants.
async fn ask_verification(client: &Client, value: &str) {
    let path = "/accounts/user_verification/";
    let page = client.get(path).await.expect(200).page();
    let forms = page.forms();
    let mut beside = forms
        .iter()
        .filter(|form| form.about.as_deref() == Some(value) && form.field("pk").is_some());
    let mut answer = client.send_form(path, beside.next().unwrap()).await;
    // Django answers with the page, we lead to it.
    if answer.status == 302 {
        answer = client.get(&client.path_of(&answer)).await;
    }
    // Django's words, or ours.
    let words = answer.expect(200).page().words();
    let is_told = words.contains("Verification Sent") || words.contains("We sent a message");
    assert!(is_told, "{words}");
}

/// Anyone who signed up at one site logs in at the other, by every name, and neither stores what the other
/// cannot read.
#[tokio::test]
async fn reset_links_work_without_use_tz() {
    let zone = ("SITE_TIME_ZONE", "Asia/Tokyo");
    let django = Django::start().await;
    let django = django.restart(&[("SITE_USE_TZ", "false"), zone]).await;
    let (ann, there) = (User::new(), django.client());
    there.sign_up(&ann).await.expect(302);
    there.log_in(&ann.phone, &ann.password).await.expect(302);
    django.client().ask_reset(&ann.email).await.expect(302);
    let link = django.printed("reset_password_email", &ann.email).await;
    let options = django.successor_until("2999-01-01T00:00:00Z");
    let options = options.setting("django_time_zone", zone.1);
    let site = options.setting("django_use_tz", "false").start().await;
    let here = site.client();
    here.reset(link.url(), "walnut-Harbour-22")
        .await
        .expect(302);
    here.log_in(&ann.email, "walnut-Harbour-22")
        .await
        .expect(302);
}

#[tokio::test]
async fn accounts_are_shared() {
    let (django, site) = both().await;
    for (there, here) in [
        (django.client(), site.client()),
        (site.client(), django.client()),
    ] {
        let ann = member(&there).await;
        for login in [&ann.email, &ann.phone, &ann.username] {
            here.log_in(login, "not-her-password").await.expect(400);
            here.log_in(login, &ann.password)
                .await
                .redirects_to("/accounts/profile/");
            here.get("/accounts/profile/")
                .await
                .expect(200)
                .says(&ann.username);
            here.log_out().await.redirects_to("/");
        }
        // Twice, because each site may have stored a hash of its own kind.
        for client in [&there, &here, &there] {
            client.log_out().await.redirects_to("/");
            client.log_in(&ann.phone, &ann.password).await.expect(302);
        }
    }
}

#[tokio::test]
async fn changed_password_counts_on_both() {
    let (django, site) = both().await;
    for (there, here) in [
        (django.client(), site.client()),
        (site.client(), django.client()),
    ] {
        let ann = member(&there).await;
        let second = "walnut-Harbour-22";
        there
            .change_password(&ann.password, second)
            .await
            .redirects_to("/accounts/change_password_done/");
        here.log_in(&ann.email, &ann.password).await.expect(400);
        here.log_in(&ann.email, second).await.expect(302);
    }
}

/// With the hasher that the guide shows, a hash is replaced once, by us, and sessions at Django outlive
/// log-ins here.
#[tokio::test]
async fn shared_hasher_keeps_hashes() {
    let (django, site) = both().await;
    let django = django.restart(&[("SITE_SHARES_HASHES", "1")]).await;
    let stored = || {
        django
            .database()
            .text("SELECT max(password) FROM auth_user")
    };
    let ann = member(&django.client()).await;
    site.client()
        .log_in(&ann.phone, &ann.password)
        .await
        .expect(302);
    let ours = stored();
    assert!(ours.starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$"));
    let there = django.client();
    for client in [there.clone(), site.client()] {
        client.log_in(&ann.phone, &ann.password).await.expect(302);
        assert_eq!(stored(), ours);
    }
    assert!(there.is_logged_in().await);
}

/// An address that was verified at one site opens the guarded page of the other.
#[tokio::test]
async fn verified_address_counts_on_both() {
    let (django, site) = both().await;
    for is_django_first in [true, false] {
        let (there, here) = if is_django_first {
            (django.client(), site.client())
        } else {
            (site.client(), django.client())
        };
        let ann = member(&there).await;
        // Here only afterwards: a log-in replaces the hash that Django made, and with it ends the sessions
        // that Django has bound to that hash.
        for (value, signal, [open, shut]) in [
            (&ann.email, "verify_email", ["email", "phone"]),
            (&ann.phone, "verify_phone", ["phone", "email"]),
        ] {
            ask_verification(&there, value).await;
            let link = if is_django_first {
                django.printed(signal, value).await
            } else {
                site.printed(signal, value).await
            };
            there
                .get(link.url())
                .await
                .expect(200)
                .says("Verification successful");
            here.log_in(&ann.phone, &ann.password).await.expect(302);
            here.get(&format!("/members/{open}/")).await.expect(200);
            if value == &ann.email {
                let shut = format!("/members/{shut}/");
                here.get(&shut).await.expect(302);
            }
            here.log_out().await.redirects_to("/");
            there.log_out().await.redirects_to("/");
            there.log_in(&ann.phone, &ann.password).await.expect(302);
        }
    }
}

/// Django finds its tables and its migrations as it left them.
#[tokio::test]
async fn django_notices_nothing() {
    let django = Django::start().await;
    let ann = member(&django.client()).await;
    let rows = || -> Vec<String> {
        let dump = django.database().dump();
        // Where the numbers of a table of ours begin.
        let begins = [
            "sqlite_sequence.name=phone_auth_claim",
            "sqlite_sequence.seq=4611686018427387903",
        ];
        let is_own =
            |line: &&str| !line.starts_with("phone_auth_schema.") && !begins.contains(line);
        dump.lines().filter(is_own).map(str::to_owned).collect()
    };
    let before = rows();
    assert!(before.iter().any(|line| line.ends_with(&ann.email)));
    let arguments = ["migrate", "--database", &django.database_url()];
    let ran = run(django.folder(), &arguments, &[], "");
    assert!(ran.success, "{ran:?}");
    assert_eq!(rows(), before, "no row was touched");

    let site = django.successor().start().await;
    member(&site.client()).await;
    django.manage(&["migrate", "--check"]);
    django.manage(&["makemigrations", "--check", "--dry-run"]);
    django.manage(&["check"]);
    let users = django.manage(&[
        "shell",
        "--verbosity",
        "0",
        "--command",
        "from django.contrib.auth.models import User; u = User.objects.last(); \
         print(u.full_clean(), u.date_joined.tzinfo, u.last_login is not None, u.is_active, u.is_staff)",
    ]);
    assert_eq!(users.trim(), "None UTC True True False");
}

/// What Django's own models say of a user and of all addresses.
fn seen_by_django(django: &Django, id: i64) -> String {
    let look = format!(
        "from django.contrib.auth.models import User; from phone_auth.models import EmailAddress, PhoneNumber; \
         u = User.objects.get(pk={id}); \
         print(u.username, u.email or '-', u.is_active, u.has_usable_password()); \
         [print(a.email, a.user.pk, a.is_verified) for a in EmailAddress.objects.order_by('email')]; \
         [print(a.phone, a.user.pk, a.is_verified) for a in PhoneNumber.objects.order_by('phone')]"
    );
    django.manage(&["shell", "--verbosity", "0", "--command", &look])
}

/// Django sees of an account's life what it would have written itself: an address that its owner has taken from a squatter, one
/// that was changed, removed or made the primary one, another username, and an account that was closed while rows of
/// Django's name it.
#[tokio::test]
async fn life_of_an_account_is_seen_by_django() {
    let (django, site) = both().await;
    let squatter = member(&django.client()).await;
    let owner = site.member().await;
    let (client, own) = (&owner.client, owner.user.email.as_str());
    let phone = owner.user.phone.as_str();
    let of_squatter = format!("{} 1 False", squatter.phone);
    let is_seen = |own: String, emails: &[String], phones: &[String]| {
        let (mut emails, mut phones) = (emails.to_vec(), phones.to_vec());
        emails.sort_unstable();
        phones.push(of_squatter.clone());
        phones.sort_unstable();
        let expected = [vec![own], emails, phones].concat().join("\n");
        assert_eq!(seen_by_django(&django, 2).trim(), expected);
    };

    // Proven, it is taken from the one who has it without proof.
    client.add_address(&squatter.email).await.expect(302);
    let link = site.verification_link(client, &squatter.email).await;
    client.post(link.url(), [("", ""); 0]).await.expect(200);
    site.verify(client, own).await;
    let claimed = format!("{} 2 True", squatter.email);
    let verified = format!("{own} 2 True");
    let of_owner = format!("{phone} 2 False");
    let user = |name: &str, email: &str| format!("{name} {email} True True");
    is_seen(
        user(&owner.user.username, own),
        &[claimed.clone(), verified],
        &[of_owner],
    );

    // Changed, removed, and another one made the primary one.
    let changed = User::another_email();
    let rows = |value: &str| {
        let row = format!("SELECT id FROM phone_auth_emailaddress WHERE email = '{value}'");
        let id = django.database().number(&row);
        format!("/accounts/address/?method=email&pk={id}")
    };
    let change = [("action", "change"), ("email", changed.as_str())];
    client.post(&rows(own), change).await.expect(302);
    let link = site.printed("verify_email", &changed).await;
    client.get(link.url()).await.expect(200);
    client.remove_address(phone).await.expect(302);
    let now = format!("{changed} 2 True");
    let emails = [claimed, now];
    is_seen(user(&owner.user.username, &changed), &emails, &[]);
    let path = rows(&squatter.email);
    let first = client.post(&path, [("action", "primary")]).await;
    first.expect(302);
    is_seen(user(&owner.user.username, &squatter.email), &emails, &[]);

    let url = django.database_url();
    let key = format!("{}.key", url.trim_start_matches("sqlite:"));
    let renamed = User::new().username;
    let arguments = ["user", "rename", &owner.user.username, &renamed];
    let options = ["--database", &url, "--secret-key-file", &key];
    let variables = [("PHONE_AUTH_DEVELOPMENT", "true")];
    let ran = run(
        django.folder(),
        &[&arguments[..], &options].concat(),
        &variables,
        "",
    );
    assert!(ran.success, "{ran:?}");
    is_seen(user(&renamed, &squatter.email), &emails, &[]);
    for login in [&renamed, &squatter.email, &changed] {
        let there = django.client();
        let logged_in = there.log_in(login, &owner.user.password).await;
        logged_in.redirects_to("/accounts/profile/");
        there.get("/members/email/").await.expect(200);
    }
    for login in [&owner.user.username, own, phone] {
        let there = django.client();
        there.log_in(login, &owner.user.password).await.expect(400);
    }

    // A row of Django's own names the user, who stays for it, as nobody.
    let group = "from django.contrib.auth.models import Group, User; \
        User.objects.get(pk=2).groups.add(Group.objects.create(name='tasters'))";
    django.manage(&["shell", "--verbosity", "0", "--command", group]);
    let here = site.client();
    here.log_in(&renamed, &owner.user.password)
        .await
        .expect(302);
    here.confirm_identity(&owner.user.password)
        .await
        .expect(302);
    let closed = here.submit("/accounts/close_account/", [("", ""); 0]).await;
    closed.redirects_to("/accounts/close_account_done/");
    let left = seen_by_django(&django, 2);
    let mut lines = left.trim().lines();
    let account = lines.next().unwrap();
    assert!(account.starts_with("closed-"), "{left}");
    assert!(account.ends_with(" - False False"), "{left}");
    assert_eq!(lines.collect::<Vec<_>>(), [of_squatter.as_str()]);
    let there = django.client();
    there
        .log_in(&squatter.email, &owner.user.password)
        .await
        .expect(400);
    django.manage(&["check"]);
    // What was given up is free there as well.
    let next = User {
        email: changed,
        ..User::new()
    };
    there.sign_up(&next).await.expect(302);
    there.log_in(&next.email, &next.password).await.expect(302);
}

/// A time that is not over while the tests run.
const OPEN: &str = "2999-01-01T00:00:00Z";
/// A time that is.
const CLOSED: &str = "2020-01-01T00:00:00Z";

/// Django's tokens say the second they were issued in, so a request in a later one is newer.
#[tokio::test]
async fn newer_request_ends_links_of_django() {
    let django = Django::start().await;
    let there = django.client();
    let ann = member(&there).await;
    there.ask_reset(&ann.email).await.expect(302);
    ask_verification(&there, &ann.email).await;
    let reset = django.printed("reset_password_email", &ann.email).await;
    let verification = django.printed("verify_email", &ann.email).await;
    let seconds = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    };
    let asked_in = seconds();

    let site = django.successor_until(OPEN).start().await;
    until("another second", || async { seconds() > asked_in }).await;
    site.client().get(reset.url()).await.expect(302);
    let newer = site.reset_link(&ann.email).await;
    site.client().meets_dead_reset(reset.url()).await;
    site.client().get(newer.url()).await.expect(302);
    site.client().head(verification.url()).await.expect(200);
    let member = site.log_in(&ann).await;
    site.verification_link(&member.client, &ann.email).await;
    let dead = site.client().get(verification.url()).await.expect(400);
    dead.says("Verification failed");
}

#[tokio::test]
async fn verification_links_of_django_work_here() {
    let django = Django::start().await;
    let there = django.client();
    let ann = member(&there).await;
    ask_verification(&there, &ann.email).await;
    ask_verification(&there, &ann.phone).await;
    let email = django.printed("verify_email", &ann.email).await;
    let phone = django.printed("verify_phone", &ann.phone).await;

    let site = django.successor_until(CLOSED).start().await;
    for link in [&email, &phone] {
        let late = site.client().get(link.url()).await;
        late.expect(400).says("Verification failed");
    }
    let site = site.restart(django.successor_until(OPEN)).await;
    let here = site.client();
    for link in [&email, &phone] {
        // Of one's kind, for one's row, and whole.
        let (id, token) = (link.id(), link.token());
        let changed = token.replace(char::is_numeric, "7");
        for wrong in [
            format!("/accounts/password_reset_confirm/MQ/{token}/"),
            format!("/accounts/user_verification_confirm/{id}/{changed}/"),
            format!("/accounts/user_verification_confirm/ZW1haWwy/{token}/"),
        ] {
            here.get(&wrong).await.expect(400);
        }
        here.head(link.url()).await.expect(200);
        let opened = here.get(link.url()).await;
        opened.expect(200).says("Verification successful");
    }
    here.log_in(&ann.email, &ann.password).await.expect(302);
    here.get("/members/email/").await.expect(200);
    here.get("/members/phone/").await.expect(200);
}

#[tokio::test]
async fn reset_links_of_django_work_here() {
    let django = Django::start().await;
    let ann = member(&django.client()).await;
    for login in [&ann.email, &ann.phone] {
        django.client().ask_reset(login).await.expect(302);
    }
    let email = django.printed("reset_password_email", &ann.email).await;
    let phone = django.printed("reset_password_phone", &ann.phone).await;

    let site = django.successor_until(CLOSED).start().await;
    site.client().meets_dead_reset(email.url()).await;
    let site = site.restart(django.successor_until(OPEN)).await;
    let second = "walnut-Harbour-22";
    site.client()
        .reset(email.url(), second)
        .await
        .redirects_to("/accounts/password_reset_complete/");
    // Either dies with the password that it was for.
    for link in [email, phone] {
        site.client().meets_dead_reset(link.url()).await;
    }
    for client in [django.client(), site.client()] {
        client.log_in(&ann.phone, &ann.password).await.expect(400);
        client.log_in(&ann.phone, second).await.expect(302);
    }

    // Django takes none of ours: its form then has no fields to fill in.
    let ours = site.reset_link(&ann.email).await;
    let page = django.client().open(ours.url()).await.expect(200).page();
    let takes = |name| page.forms().iter().any(|form| form.field(name).is_some());
    assert!(!takes("new_password1"), "{}", page.words());
}
