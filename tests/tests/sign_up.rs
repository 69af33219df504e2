//! Signing up: what is refused, how it is said, and what is stored.

use phone_auth_tests::{Answer, Site, User, changed, unique};

const PATH: &str = "/accounts/signup/";

/// Fails unless the form came back with a complaint at each of these fields and no other.
#[track_caller]
fn complains_at(answer: &Answer, names: &[&str]) {
    assert_eq!(answer.status, 400, "{}", answer.page().words());
    let form = answer.page().form_with(&["first_name", "password"]);
    for field in &form.fields {
        let complaint = names.contains(&field.name.as_str());
        assert_eq!(field.is_invalid, complaint, "{field:?}");
        let told = field
            .description
            .as_ref()
            .is_some_and(|words| words.len() > 5);
        assert!(
            told || !complaint,
            "{} does not say what would be right",
            field.name
        );
    }
}

#[tokio::test]
async fn empty_form_names_every_field() {
    let site = Site::start().await;
    let names = [
        "first_name",
        "last_name",
        "username",
        "email",
        "phone",
        "password",
        "confirm_password",
    ];
    let empty = names.map(|name| (name, ""));
    complains_at(&site.client().post(PATH, empty).await, &names);
    complains_at(&site.client().post(PATH, [("", ""); 0]).await, &names);
}

#[tokio::test]
async fn all_problems_come_at_once() {
    let site = Site::start().await;
    let ann = User {
        username: "a b".into(),
        email: "ann".into(),
        phone: "12".into(),
        password: "1234".into(),
        ..User::new()
    };
    let answer = site.client().post(PATH, ann.fields()).await;
    complains_at(&answer, &["username", "email", "phone", "password"]);
}

#[tokio::test]
async fn typed_values_are_kept() {
    let site = Site::start().await;
    let ann = User {
        first_name: "<b>\"Ann\" & 'co'</b>".into(),
        username: "a b<script>".into(),
        email: "\"><img src=x>".into(),
        ..User::new()
    };
    let answer = site.client().post(PATH, ann.fields()).await.expect(400);
    assert!(!answer.text().contains("<script>") && !answer.text().contains("<img src=x"));
    assert!(
        !answer.text().contains(&ann.password),
        "a password never comes back"
    );
    let form = answer.page().form_with(&["first_name"]);
    for (name, value) in ann.fields() {
        let expected = if name.contains("password") {
            ""
        } else {
            value.as_str()
        };
        assert_eq!(form.the(&name).value, expected, "{name}");
    }
}

#[tokio::test]
async fn taken_names_are_refused() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let other = changed(ann.fields(), "last_name", "Another");
    let again = site.client().post(PATH, other).await;
    complains_at(&again, &["username", "email", "phone"]);
    for words in [
        "This username is already in use",
        "This email address is already in use",
        "This phone number is already in use",
    ] {
        again.clone().says(words);
    }
    for (name, value) in [
        ("username", ann.username.to_uppercase()),
        ("email", ann.email.to_uppercase()),
        ("phone", spaced(&ann.phone)),
    ] {
        let fields = changed(User::new().fields(), name, &value);
        complains_at(&site.client().post(PATH, fields).await, &[name]);
    }
}

fn spaced(phone: &str) -> String {
    let mut text = phone.to_owned();
    text.insert(3, ' ');
    text.insert(9, '-');
    text
}

#[tokio::test]
async fn canonical_forms_are_stored() {
    let site = Site::start().await;
    let typed = User::new();
    let fields = changed(
        typed.fields(),
        "email",
        &format!(" {} ", typed.email.to_uppercase()),
    );
    let fields = changed(fields, "phone", &spaced(&typed.phone));
    site.client()
        .post(PATH, fields)
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    let ann = site.log_in(&typed).await;
    assert_eq!(
        site.verification_link(&ann.client, &typed.email)
            .await
            .destination(),
        typed.email
    );
    assert_eq!(
        site.verification_link(&ann.client, &typed.phone)
            .await
            .destination(),
        typed.phone
    );
    for login in [typed.email.to_uppercase(), spaced(&typed.phone)] {
        site.client()
            .log_in(&login, &typed.password)
            .await
            .redirects_to("/accounts/profile/");
    }
}

#[tokio::test]
async fn wrong_usernames_are_refused() {
    let site = Site::start().await;
    let long = "a".repeat(151);
    for username in [
        "a b",
        "ann+1",
        "ann@example",
        "änn",
        "ａｎｎ",
        "a/b",
        "..",
        ".",
        long.as_str(),
    ] {
        let fields = changed(User::new().fields(), "username", username);
        complains_at(&site.client().post(PATH, fields).await, &["username"]);
    }
    for username in ["A.b-c_9".to_owned(), "a".repeat(150), "0".to_owned()] {
        let fields = changed(User::new().fields(), "username", &username);
        site.client()
            .post(PATH, fields)
            .await
            .redirects_to("/accounts/login/?notice=signed-up");
    }
}

#[tokio::test]
async fn wrong_emails_are_refused() {
    let site = Site::start().await;
    let long = format!("{}@example.org", "a".repeat(250));
    for email in [
        "ann",
        "@example.org",
        "ann@",
        "ann@localhost",
        "ann@@example.org",
        "ann@example..org",
        "ann@[127.0.0.1]",
        "a b@example.org",
        "ann@example.org,bob@example.org",
        "Ann <ann@example.org>",
        "ann@exa mple.org",
        "ann@-example.org",
        long.as_str(),
    ] {
        let fields = changed(User::new().fields(), "email", email);
        let answer = site.client().post(PATH, fields).await;
        assert_eq!(answer.status, 400, "{email}");
        complains_at(&answer, &["email"]);
    }
}

#[tokio::test]
async fn wrong_phones_are_refused() {
    let site = Site::start().await;
    for phone in [
        "12345",
        "+1",
        "+12025550",
        "98765 43210",
        "+919876543210;ext=777",
        "+91 9876543210 x12",
        "sms:+919876543210",
        "+999123456789",
        "++919876543210",
        "+91987654321o",
        "a+919876543210",
    ] {
        let fields = changed(User::new().fields(), "phone", phone);
        let answer = site.client().post(PATH, fields).await;
        assert_eq!(answer.status, 400, "{phone}");
        complains_at(&answer, &["phone"]);
    }
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let site = Site::start().await;
    let ann = User {
        first_name: "Wilhelmina".into(),
        last_name: "Featherstone".into(),
        username: format!("orchardist{}", unique()),
        email: format!("lanternmaker{}@example.org", unique()),
        ..User::new()
    };
    let (email_name, _) = ann.email.split_once('@').unwrap_or_default();
    let like_email = format!("{email_name}-MAIL");
    let like_username = format!("{}-{}", ann.username, "ann");
    for password in [
        "short1!",
        "1234567890",
        "password",
        "password123",
        "Wilhelmina",
        "featherstone1",
        "qwertyuiop",
        "iloveyou",
        like_username.as_str(),
        like_email.as_str(),
        &ann.email,
    ] {
        let fields = changed(ann.fields(), "password", password);
        let fields = changed(fields, "confirm_password", password);
        let answer = site.client().post(PATH, fields).await;
        assert_eq!(answer.status, 400, "{password} is accepted");
        complains_at(&answer, &["password"]);
    }
}

#[tokio::test]
async fn differing_passwords_are_refused() {
    let site = Site::start().await;
    let fields = changed(
        User::new().fields(),
        "confirm_password",
        "plum-Orchard-other!",
    );
    let answer = site.client().post(PATH, fields).await;
    complains_at(&answer, &["confirm_password"]);
    answer.says("The passwords don’t match.");
}

#[tokio::test]
async fn passwords_are_taken_unmodified() {
    let site = Site::start().await;
    let sixty_four = "tulip Basket 7 "
        .repeat(5)
        .chars()
        .take(64)
        .collect::<String>();
    let one_hundred_twenty_eight = "tulip Basket 7 "
        .repeat(9)
        .chars()
        .take(128)
        .collect::<String>();
    for password in [
        "  leading and trailing  ".to_owned(),
        "kite-7Zq".to_owned(),
        "пароль-из-слов".to_owned(),
        "🌷🌷 tulips 🌷🌷".to_owned(),
        "a b&c=d%20+e;f<g>\"'\\".to_owned(),
        sixty_four,
        one_hundred_twenty_eight,
    ] {
        let ann = User {
            password: password.clone(),
            ..User::new()
        };
        site.client()
            .sign_up(&ann)
            .await
            .redirects_to("/accounts/login/?notice=signed-up");
        let other = if password == password.trim() {
            format!("{password} ")
        } else {
            password.trim().to_owned()
        };
        site.client()
            .log_in(&ann.username, &other)
            .await
            .expect(400);
        site.client()
            .log_in(&ann.username, &password)
            .await
            .redirects_to("/accounts/profile/");
    }
}

#[tokio::test]
async fn sign_up_sends_nothing() {
    let site = Site::start().await;
    site.member().await;
    assert_eq!(site.stop().record.printed(), []);
}

#[tokio::test]
async fn refused_sign_up_stores_nothing() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let before = site.database().counts();
    let bob = User {
        email: ann.email,
        ..User::new()
    };
    site.client().sign_up(&bob).await.expect(400);
    assert_eq!(site.database().counts(), before);
    site.client()
        .log_in(&bob.username, &bob.password)
        .await
        .expect(400);
}

#[tokio::test]
async fn stored_passwords_are_argon2id() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let sql = format!(
        "SELECT password FROM auth_user WHERE username = '{}'",
        ann.username
    );
    let stored = site.database().text(&sql);
    assert!(
        stored.starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$"),
        "{stored}"
    );
    assert!(
        stored.len() <= 128,
        "it fits django-phone-auth's column: {stored}"
    );
    let bob = site.signed_up().await;
    assert_ne!(
        stored,
        site.database().text(&format!(
            "SELECT password FROM auth_user WHERE username = '{}'",
            bob.username
        ))
    );
}
