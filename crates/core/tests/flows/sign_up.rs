//! Signing up.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, PASTED, STAPLE, ann, failure, refusal};
use phone_auth_core::accounts::{FailureKind, RenameRefusal, SignUpForm, SignUpRefusal};
use phone_auth_core::address::{AddressKind, Region};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;
use phone_auth_core::store::{AddressStore, StoreErrorKind};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

/// Signs up and expects these problems, and that nothing was hashed, stored or told.
async fn check(kit: &Kit, form: SignUpForm<'_>, problems: &[(Field, Problem)]) {
    let users = kit.store.user_count();
    let shown = format!("{form:?}");
    let refused = kit.accounts.sign_up(form).await;
    let expected: Vec<FieldProblem> = problems
        .iter()
        .map(|(field, problem)| FieldProblem::new(*field, *problem))
        .collect();
    let invalid = SignUpRefusal::Invalid(expected);
    assert_eq!(refusal(refused), invalid, "{shown}");
    assert_eq!(kit.store.user_count(), users);
    assert_eq!(kit.hasher.made() + kit.hasher.checked(), 0);
    assert_eq!(kit.record.take(), [""; 0]);
}

fn same(password: &str) -> (Password, Option<Password>) {
    (Password::new(password), Some(Password::new(password)))
}

#[tokio::test]
async fn user_is_stored_canonically() {
    let kit = Kit::hashing();
    let form = SignUpForm {
        first_name: "  Ann ",
        last_name: "\tSmith\u{a0}",
        username: " Ann.S ",
        email: " ANN@Example.ORG ",
        phone: " +91 98765-43210 ",
        ..ann()
    };
    let user = kit.accounts.sign_up(form).await.unwrap();
    assert_eq!(user.first_name, "Ann");
    assert_eq!(user.last_name, "Smith");
    assert_eq!(user.username, "Ann.S");
    assert_eq!(user.email, ANNS_EMAIL);
    assert!(user.is_active);
    assert!(user.last_login.is_none());
    assert!(
        user.password
            .reveal()
            .starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert!(user.password.reveal().len() <= 128);

    let addresses = kit.store.addresses_of(user.id, 100).await.unwrap();
    let values: Vec<&str> = addresses
        .iter()
        .map(|address| address.value.as_str())
        .collect();
    assert_eq!(values, [ANNS_EMAIL, ANNS_PHONE]);
    assert!(addresses.iter().all(|address| !address.is_verified));
    assert_eq!(kit.record.take(), ["user_signed_up sign_up Ann.S"]);
}

#[tokio::test]
async fn passwords_are_kept_unmodified() {
    for password in [
        "12 chars ok.",
        "a b c d ",
        "  leading and trailing  ",
        "🐴🔋📎 correct 👩‍👩‍👧",
        "ünïcödé-pässwörd",
        &"abcdefgh".repeat(16),
        &"🐴abcde".repeat(42),
    ] {
        let kit = Kit::new();
        let (password_field, confirm_password) = same(password);
        let form = SignUpForm {
            password: password_field,
            confirm_password,
            ..ann()
        };
        kit.accounts.sign_up(form).await.unwrap();
        kit.log_in("ann", password).await;
        if password.trim() != password {
            let stripped = Password::new(password.trim());
            assert!(kit.accounts.log_in("ann", &stripped, None).await.is_err());
        }
    }
}

#[tokio::test]
async fn all_problems_come_at_once() {
    let kit = Kit::with_ann().await;
    let form = SignUpForm {
        first_name: "",
        last_name: "Smi\0th",
        username: "no spaces allowed",
        email: "not an address",
        phone: "98765 43210",
        password: Password::new("1234567"),
        confirm_password: Some(Password::new("12345678")),
    };
    let problems = [
        (Field::FirstName, Problem::Required),
        (Field::LastName, Problem::InvalidCharacters),
        (Field::Username, Problem::InvalidUsername),
        (Field::Email, Problem::InvalidEmail),
        (Field::Phone, Problem::InvalidPhone),
        (Field::Password, Problem::PasswordTooShort { min: 8 }),
        (Field::Password, Problem::PasswordTooCommon),
        (Field::Password, Problem::PasswordAllDigits),
        (Field::ConfirmPassword, Problem::PasswordsDiffer),
    ];
    check(&kit, form, &problems).await;
}

#[tokio::test]
async fn empty_form_names_every_field() {
    let form = SignUpForm {
        first_name: "",
        last_name: " ",
        username: "",
        email: "\t",
        phone: "",
        password: Password::new(""),
        confirm_password: None,
    };
    let fields = [
        Field::FirstName,
        Field::LastName,
        Field::Username,
        Field::Email,
        Field::Phone,
        Field::Password,
        Field::ConfirmPassword,
    ];
    check(
        &Kit::new(),
        form,
        &fields.map(|field| (field, Problem::Required)),
    )
    .await;
}

#[tokio::test]
async fn hidden_characters_are_refused_everywhere() {
    let kit = Kit::new();
    for hidden in [
        "\0", "\r\n", "\n", "\u{7f}", "\u{85}", "\u{202e}", "\u{2066}", "\u{200f}", "\u{2028}",
        "\u{200b}", "\u{2060}",
    ] {
        // What comes around a text that is pasted is dropped, unless it ends a line.
        let is_dropped = hidden > "\u{200a}" && hidden != "\u{2028}";
        for place in ["x", "start", "end"] {
            let spoil = |text: &str| match place {
                "start" => format!("{hidden}{text}"),
                "end" => format!("{text}{hidden}"),
                _ => format!("{text}{hidden}{text}"),
            };
            let form = SignUpForm {
                first_name: &spoil("Ann"),
                last_name: &spoil("Smith"),
                username: &spoil("ann"),
                email: &spoil(ANNS_EMAIL),
                phone: &spoil(ANNS_PHONE),
                password: Password::new(spoil(HORSE)),
                confirm_password: Some(Password::new(spoil(HORSE))),
            };
            let mut fields = vec![
                Field::FirstName,
                Field::LastName,
                Field::Username,
                Field::Email,
            ];
            if is_dropped && place != "x" {
                fields.clear();
            }
            let mut problems: Vec<(Field, Problem)> = fields
                .into_iter()
                .map(|field| (field, Problem::InvalidCharacters))
                .collect();
            match (is_dropped, place) {
                (true, "x") => problems.push((Field::Phone, Problem::InvalidPhone)),
                (true, _) => {}
                (false, _) => problems.push((Field::Phone, Problem::InvalidCharacters)),
            }
            problems.push((Field::Password, Problem::InvalidCharacters));
            check(&kit, form, &problems).await;
        }
    }
}

/// A double click sends the form twice, one after the other or at once.
#[tokio::test]
async fn repeated_form_gets_the_first_answer() {
    let kit = Kit::new();
    let (first, second) = tokio::join!(kit.accounts.sign_up(ann()), kit.accounts.sign_up(ann()));
    let user = first.unwrap();
    assert_eq!(second.unwrap().id, user.id);
    assert_eq!(kit.accounts.sign_up(ann()).await.unwrap().id, user.id);
    assert_eq!(kit.store.user_count(), 1);
    assert_eq!(kit.record.take().len(), 1, "told once");
    let taken = [Field::Username, Field::Email, Field::Phone].map(|field| (field, Problem::Taken));
    let (password, confirm_password) = same("another good one");
    let other_password = SignUpForm {
        password,
        confirm_password,
        ..ann()
    };
    let refused = kit.accounts.sign_up(other_password).await;
    let expected = taken.map(|(field, problem)| FieldProblem::new(field, problem));
    assert_eq!(refusal(refused), SignUpRefusal::Invalid(expected.to_vec()));
    kit.hasher.forget();
    let other_name = SignUpForm {
        first_name: "Anna",
        ..ann()
    };
    check(&kit, other_name, &taken).await;
    kit.clock.advance(Duration::from_secs(61));
    check(&kit, ann(), &taken).await;
}

/// A form that differs in one thing is another one, and the user who is there is told to nobody.
#[tokio::test]
async fn form_that_differs_is_no_repeat() {
    let other_forms = [
        SignUpForm {
            last_name: "Smyth",
            ..ann()
        },
        SignUpForm {
            username: "anna",
            ..ann()
        },
        SignUpForm {
            email: "anna@example.org",
            ..ann()
        },
        SignUpForm {
            phone: "+919876543299",
            ..ann()
        },
        // The same, and something is wrong with it besides.
        SignUpForm {
            first_name: "",
            ..ann()
        },
    ];
    for form in other_forms {
        let kit = Kit::new();
        kit.accounts.sign_up(ann()).await.unwrap();
        let sent = format!("{form:?}");
        let repeated = kit.accounts.repeated_sign_up(form.clone()).await.unwrap();
        assert!(repeated.is_none(), "{sent}");
        let SignUpRefusal::Invalid(problems) = refusal(kit.accounts.sign_up(form).await);
        assert!(!problems.is_empty(), "{sent}");
    }
    // One that is wrong for another reason than that its names are taken is told so.
    let kit = Kit::new();
    kit.accounts.sign_up(ann()).await.unwrap();
    let mistyped = SignUpForm {
        confirm_password: Some(Password::new("battery staples")),
        ..ann()
    };
    refusal(kit.accounts.sign_up(mistyped).await);
    // Nor is the form of a user who was disabled meanwhile.
    let kit = Kit::new();
    kit.accounts.sign_up(ann()).await.unwrap();
    kit.accounts.set_active("ann", false).await.unwrap();
    let repeated = kit.accounts.repeated_sign_up(ann()).await.unwrap();
    assert!(repeated.is_none());
    refusal(kit.accounts.sign_up(ann()).await);
}

/// Nobody sees who that is; with a letter in it, it is a name.
#[tokio::test]
async fn names_have_a_visible_character() {
    for name in [
        "\u{115f}",
        "\u{3164}",
        "\u{ffa0}",
        "\u{ad}",
        "\u{34f}",
        "\u{180e}",
        "\u{200d}",
        "\u{2800}",
        "\u{fe0f}",
        "\u{e0041}\u{e007f}",
        "\u{3000}\u{3164}",
        "\u{1d159}",
        "\u{301}",
    ] {
        let form = SignUpForm {
            first_name: name,
            last_name: name,
            ..ann()
        };
        let problems = [Field::FirstName, Field::LastName].map(|field| (field, Problem::Required));
        check(&Kit::new(), form, &problems).await;
    }
    for (typed, stored) in [
        ("\u{5d0}\u{5e0}\u{200f}", "\u{5d0}\u{5e0}"),
        ("\u{202b}\u{5d0}\u{5e0}\u{202c}", "\u{5d0}\u{5e0}"),
        ("\u{feff}Ann", "Ann"),
        (
            "\u{645}\u{6cc}\u{200c}\u{62e}",
            "\u{645}\u{6cc}\u{200c}\u{62e}",
        ),
        (
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{915}\u{94d}\u{200d}\u{937}",
        ),
        ("\u{1f468}\u{200d}\u{1f467}", "\u{1f468}\u{200d}\u{1f467}"),
        ("e\u{301}", "e\u{301}"),
    ] {
        let form = SignUpForm {
            first_name: typed,
            ..ann()
        };
        let user = Kit::new().accounts.sign_up(form).await.unwrap();
        assert_eq!(user.first_name, stored, "{typed:?}");
    }
}

#[tokio::test]
async fn pasted_numbers_sign_up() {
    for pasted in PASTED {
        let kit = Kit::new();
        let form = SignUpForm {
            phone: pasted,
            ..ann()
        };
        let user = kit.accounts.sign_up(form).await.unwrap();
        let addresses = kit.store.addresses_of(user.id, 100).await.unwrap();
        let is_stored = addresses.iter().any(|address| address.value == ANNS_PHONE);
        assert!(is_stored, "{pasted:?}");
    }
}

#[tokio::test]
async fn long_fields_are_refused() {
    let (name, username) = ("a".repeat(151), "b".repeat(151));
    let email = format!("{}@example.org", "c".repeat(254));
    let phone = format!("+91{}", "9".repeat(60));
    let password = "d-".repeat(129);
    let (password, confirm_password) = same(&password);
    let form = SignUpForm {
        first_name: &name,
        last_name: &name,
        username: &username,
        email: &email,
        phone: &phone,
        password,
        confirm_password,
    };
    let problems = [
        (Field::FirstName, Problem::TooLong { max: 150 }),
        (Field::LastName, Problem::TooLong { max: 150 }),
        (Field::Username, Problem::TooLong { max: 150 }),
        (Field::Email, Problem::TooLong { max: 254 }),
        (Field::Phone, Problem::InvalidPhone),
        (Field::Password, Problem::PasswordTooLong { max: 256 }),
    ];
    check(&Kit::new(), form, &problems).await;
}

#[tokio::test]
async fn longest_fields_are_taken() {
    let (name, username) = ("ä".repeat(150), "b".repeat(150));
    let email = format!("{}@{}org", "c".repeat(64), "abcdefgh.".repeat(20));
    let form = SignUpForm {
        first_name: &name,
        last_name: &name,
        username: &username,
        email: &email,
        ..ann()
    };
    let user = Kit::new().accounts.sign_up(form).await.unwrap();
    assert_eq!(user.first_name, name);
    assert_eq!(user.username, username);
    assert_eq!(user.email, email);
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let kit = Kit::new();
    for (password, problem) in [
        ("short-7", Problem::PasswordTooShort { min: 8 }),
        ("4400440077440", Problem::PasswordAllDigits),
        ("Iloveyou1", Problem::PasswordTooCommon),
        (
            "example.org",
            Problem::PasswordTooSimilar { to: Field::Email },
        ),
        (
            "98765x43210",
            Problem::PasswordTooSimilar { to: Field::Phone },
        ),
        (
            "Zephyrine1",
            Problem::PasswordTooSimilar {
                to: Field::FirstName,
            },
        ),
        (
            "quillington",
            Problem::PasswordTooSimilar {
                to: Field::LastName,
            },
        ),
        (
            "zephq_1987",
            Problem::PasswordTooSimilar {
                to: Field::Username,
            },
        ),
    ] {
        let (typed, confirm_password) = same(password);
        let form = SignUpForm {
            first_name: "Zephyrine",
            last_name: "Quillington",
            username: "zephq_1987",
            password: typed,
            confirm_password,
            ..ann()
        };
        check(&kit, form, &[(Field::Password, problem)]).await;
    }
}

#[tokio::test]
async fn taken_names_are_told_together() {
    let kit = Kit::with_ann().await;
    kit.clock.advance(Duration::from_mins(2));
    for (username, email, phone) in [
        ("ann", ANNS_EMAIL, ANNS_PHONE),
        ("ANN", "ANN@EXAMPLE.ORG", "+91 98765 43210"),
    ] {
        let form = SignUpForm {
            username,
            email,
            phone,
            ..ann()
        };
        let taken = [Field::Username, Field::Email, Field::Phone];
        check(&kit, form, &taken.map(|field| (field, Problem::Taken))).await;
    }
}

#[tokio::test]
async fn email_of_a_row_is_taken() {
    let kit = Kit::new();
    let admin = kit.store_user("admin@home", "!").await;
    let change = ExternalChange::SetOwnEmail(admin.id, "Boss@Example.org".to_owned());
    kit.store.make(change).await;
    let form = SignUpForm {
        email: "boss@example.org",
        ..ann()
    };
    check(&kit, form, &[(Field::Email, Problem::Taken)]).await;
}

#[tokio::test]
async fn settings_decide_what_is_required() {
    let kit = Kit::with_settings(|settings| {
        settings.register_username_required = false;
        settings.register_email_required = false;
        settings.register_fname_required = false;
        settings.register_lname_required = false;
        settings.register_confirm_password_required = false;
    });
    let bare = |phone| SignUpForm {
        first_name: "",
        last_name: "",
        username: "",
        email: "",
        phone,
        password: Password::new(HORSE),
        confirm_password: None,
    };
    let one = kit.accounts.sign_up(bare(ANNS_PHONE)).await.unwrap();
    let two = kit.accounts.sign_up(bare("+442079460018")).await.unwrap();
    assert_eq!(one.username.len(), 32);
    assert!(one.username.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(one.username, two.username);
    // No empty text that would block the next.
    assert_eq!(kit.store.address_count(AddressKind::Email), 0);
    assert_eq!(one.email, "");

    kit.record.forget();
    kit.hasher.forget();
    check(&kit, bare(""), &[(Field::Phone, Problem::Required)]).await;
}

#[tokio::test]
async fn given_fields_are_checked_though_optional() {
    let kit = Kit::with_settings(|settings| settings.register_email_required = false);
    let form = SignUpForm {
        email: "nonsense",
        ..ann()
    };
    check(&kit, form, &[(Field::Email, Problem::InvalidEmail)]).await;
}

#[tokio::test]
async fn confirmation_counts_only_if_required() {
    let form = || SignUpForm {
        confirm_password: Some(Password::new("something else")),
        ..ann()
    };
    check(
        &Kit::new(),
        form(),
        &[(Field::ConfirmPassword, Problem::PasswordsDiffer)],
    )
    .await;
    let kit = Kit::with_settings(|settings| settings.register_confirm_password_required = false);
    kit.accounts.sign_up(form()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_wins() {
    let kit = Kit::new();
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let accounts = kit.accounts.clone();
        tasks.push(tokio::spawn(async move { accounts.sign_up(ann()).await }));
    }
    // The same form from all: each hears of the one account that it made.
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().username, "ann");
    }
    assert_eq!(kit.store.user_count(), 1);
    assert_eq!(kit.record.take(), ["user_signed_up sign_up ann"]);
}

#[tokio::test]
async fn failing_store_stores_nothing() {
    for calls in 0..2 {
        for (fault, kind) in [
            (StoreErrorKind::Unavailable, FailureKind::Unavailable),
            (StoreErrorKind::Broken, FailureKind::Broken),
        ] {
            let kit = Kit::new();
            kit.store.fail_after(calls, fault);
            let failure = failure(kit.accounts.sign_up(ann()).await);
            kit.store.recover();
            assert_eq!(failure.kind(), kind);
            assert_eq!(failure.is_retryable(), kind == FailureKind::Unavailable);
            assert_eq!(kit.store.user_count(), 0);
            assert_eq!(kit.record.take(), [""; 0]);
        }
    }
}

/// Someone who has a number as a username would be taken for its owner by the field at log-in, or keep them from signing up.
#[tokio::test]
async fn username_is_no_number() {
    for (region, username, is_number) in [
        (None, "9876543210", false),
        (Some("IN"), "9876543210", true),
        (Some("IN"), "098765-43210", true),
        (Some("IN"), "98765.43210", true),
        (None, "919876543210", true),
        (None, "00919876543210", true),
        (None, "91-98765-43210", true),
        (Some("IN"), "2024", false),
        (Some("IN"), "a9876543210", false),
        (Some("IN"), "99999999999999999999999999999999", false),
    ] {
        let kit = Kit::with_settings(|settings| {
            settings.default_region = region.and_then(Region::named);
        });
        let form = || SignUpForm { username, ..ann() };
        let problem = FieldProblem::new(Field::Username, Problem::UsernameIsNumber);
        let signed_up = kit.accounts.sign_up(form()).await;
        if !is_number {
            assert_eq!(signed_up.unwrap().username, username);
            continue;
        }
        let refused = SignUpRefusal::Invalid(vec![problem]);
        assert_eq!(refusal(signed_up), refused, "{username}");
        let by_operator = kit.accounts.create_user(form()).await;
        assert_eq!(refusal(by_operator), refused, "{username}");
        let bob = kit.sign_up_bob().await;
        let renamed = refusal(kit.accounts.rename(&bob, username).await);
        assert_eq!(renamed, RenameRefusal::Invalid(vec![problem]), "{username}");
        // Who has such a name from before goes on by it, until someone has the number.
        let hash = kit.encoded(STAPLE).await;
        kit.store_user(username, hash.reveal()).await;
        let logged_in = kit.log_in(username, STAPLE).await;
        assert_eq!(logged_in.user.username, username);
    }
}
