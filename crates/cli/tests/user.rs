//! Users at the command line.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use common::Folder;

const PASSWORD: &str = "correct-horse";

fn folder_with_ann() -> Folder {
    let folder = Folder::new();
    let arguments = [
        "user",
        "create",
        "ann",
        "--email",
        "Ann@Example.org",
        "--first-name",
        "Ann",
    ];
    let ran = folder.run_with_input(&arguments, "correct-horse\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let said = "applied to the database ";
    assert!(
        ran.stderr.starts_with(said) && ran.stderr.lines().count() == 1,
        "{ran:?}"
    );
    assert_eq!(ran.stdout, "created ann (id 1)\n");
    folder
}

fn log_in(folder: &Folder, password: &str) -> u16 {
    let site = folder.serve();
    site.post(
        "/accounts/login/",
        &format!("login=ann&password={password}"),
    )
    .status
}

#[test]
fn made_user_logs_in() {
    let folder = folder_with_ann();
    assert_eq!(log_in(&folder, PASSWORD), 302);
}

#[test]
fn list_shows_users_without_passwords() {
    let folder = folder_with_ann();
    let table = folder.run(&["user", "list"]);
    assert_eq!(
        table.stdout,
        "id  username  name  email            state    last sign-in\n\
         1   ann       Ann   ann@example.org  enabled  never\n"
    );
    let json = folder.run(&["user", "list", "--json"]).stdout;
    let users: serde_json::Value = serde_json::from_str(&json).unwrap();
    let ann = users[0].as_object().unwrap();
    let names: Vec<_> = ann.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "date_joined",
            "email",
            "first_name",
            "id",
            "is_active",
            "last_login",
            "last_name",
            "username"
        ]
    );
    assert_eq!(
        (&ann["username"], &ann["is_active"]),
        (&"ann".into(), &true.into())
    );
}

#[test]
fn show_names_addresses_and_state() {
    let folder = folder_with_ann();
    let shown = folder.run(&["user", "show", "ANN@example.org"]).stdout;
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(
        (lines.len(), &lines[..4], lines[5], lines[6]),
        (
            7,
            &[
                "id            1",
                "username      ann",
                "name          Ann",
                "state         enabled"
            ][..],
            "last sign-in  never",
            "email         ann@example.org (not verified, primary)"
        ),
        "{shown}"
    );
    let json = folder.run(&["user", "show", "ann", "--json"]).stdout;
    let ann: serde_json::Value = serde_json::from_str(&json).unwrap();
    let address = serde_json::json!({
        "kind": "email", "value": "ann@example.org", "is_verified": false, "is_primary": true, "is_claim": false,
        "replaces": null, "replaced_by": null
    });
    assert_eq!(ann["addresses"], serde_json::json!([address]));
    assert_eq!(ann["username"], "ann");
    assert!(!json.contains("password"), "{json}");
}

#[test]
fn addresses_are_mended_by_one_command() {
    let folder = folder_with_ann();
    let (old, new) = ("+41 44 668 18 00", "+41 44 668 18 01");
    let json = |shown: &str| serde_json::from_str::<serde_json::Value>(shown).unwrap();
    for (command, said) in [
        (
            &["rename", "ann@example.org", "anna"][..],
            "ann is anna now\n",
        ),
        (&["add-address", "anna", old], "anna has +41446681800 now\n"),
        (&["verify", old], "+41446681800 of anna is verified\n"),
        (
            &["unverify", "+41446681800"],
            "+41446681800 of anna is not verified\n",
        ),
        (
            &["change-address", old, new, "--verified"],
            "anna has +41446681801 in the place of +41446681800 now\n",
        ),
        (
            &["remove-address", "ANN@example.org"],
            "ann@example.org was removed from anna\n",
        ),
    ] {
        let ran = folder.run(&[&["user"], command].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), said), "{ran:?}");
    }
    let shown = json(&folder.run(&["user", "find", new, "--json"]).stdout);
    let left = serde_json::json!([{
        "kind": "phone", "value": "+41446681801", "is_verified": true, "is_primary": false, "is_claim": false,
        "replaces": null, "replaced_by": null
    }]);
    assert_eq!((&shown["addresses"], &shown["email"]), (&left, &"".into()));
    for command in [
        &["rename", "anna", "ann"][..],
        &["add-address", "ann", "ann@work.example", "--verified"],
        &["verify", new],
        &["unverify", new],
        &["change-address", "ann@work.example", "ann@home.example"],
        &["remove-address", new],
    ] {
        let ran = folder.run(&[&["user"], command, &["--json"]].concat());
        assert_eq!(json(&ran.stdout)["username"], "ann", "{ran:?}");
    }
    let shown = json(&folder.run(&["user", "show", "ann", "--json"]).stdout);
    let left = serde_json::json!([{
        "kind": "email", "value": "ann@home.example", "is_verified": false, "is_primary": false, "is_claim": false,
        "replaces": null, "replaced_by": null
    }]);
    assert_eq!(shown["addresses"], left);
}

/// Which address is the primary one, which is to be replaced, and which is nobody's as yet.
#[test]
fn show_tells_addresses_apart() {
    let folder = folder_with_ann();
    folder.write("site.toml", "unverified_sign_in = false\n");
    let bob = ["user", "create", "bob", "--email", "bob@example.org"];
    let made = folder.run_with_input(&bob, "correct-horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    for command in [
        &["verify", "ann@example.org"][..],
        &[
            "change-address",
            "ann@example.org",
            "ann@work.example",
            "--config",
            "site.toml",
        ],
        &["add-address", "ann", "+41 44 668 18 00"],
        &["add-address", "bob", "ann@work.example"],
    ] {
        let ran = folder.run(&[&["user"], command].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    for (user, lines) in [
        (
            "ann",
            &[
                "email         ann@example.org (verified, primary, ann@work.example takes its place once that is verified)",
                "email         ann@work.example (not verified, takes the place of ann@example.org once it is verified)",
                "phone         +41446681800 (not verified)",
            ][..],
        ),
        (
            "bob",
            &[
                "email         bob@example.org (not verified, primary)",
                "email         ann@work.example (not verified, names nobody until it is verified)",
            ],
        ),
    ] {
        let shown = folder.run(&["user", "show", user]).stdout;
        let of_addresses: Vec<_> = shown.lines().skip(6).collect();
        assert_eq!(of_addresses, lines, "{shown}");
    }
    let told = |user| {
        let shown = folder.run(&["user", "show", user, "--json"]).stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let work = shown["addresses"][1].clone();
        (work["is_claim"].clone(), work["replaces"].clone())
    };
    let shown = folder.run(&["user", "show", "ann", "--json"]).stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["addresses"][0]["replaced_by"], "ann@work.example");
    assert_eq!(told("ann"), (false.into(), "ann@example.org".into()));
    assert_eq!(told("bob"), (true.into(), serde_json::Value::Null));
}

/// Bob has added Ann's address too, and nobody has verified it.
#[test]
fn address_of_several_needs_a_user() {
    let folder = folder_with_ann();
    let bob = ["user", "create", "bob", "--email", "bob@example.org"];
    let made = folder.run_with_input(&bob, "correct-horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let email = "ann@example.org";
    let add = ["user", "add-address", "bob", email];
    assert_eq!(folder.run(&add).code, Some(0));
    let number = "+41 44 668 18 00";
    for command in [
        &["verify", email][..],
        &["unverify", email],
        &["remove-address", email],
        &["change-address", email, number],
    ] {
        let refused = folder.run(&[&["user"], command].concat());
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let said = "several accounts have added this address and none has verified it; say whose with --user LOGIN";
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    let nobodys = ["user", "verify", "bob@example.org", "--user", "ann"];
    let refused = folder.run(&nobodys);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = "that user does not have this email address or phone number";
    assert!(refused.stderr.contains(said), "{refused:?}");
    for (command, said) in [
        (
            &["remove-address", email, "--user", "bob"][..],
            "ann@example.org was removed from bob\n",
        ),
        (
            &["add-address", "bob", email],
            "bob has ann@example.org now\n",
        ),
        (
            &["verify", email, "--user", "bob@example.org"],
            "ann@example.org of bob is verified\n",
        ),
        // It is Bob's alone now.
        (
            &["unverify", email],
            "ann@example.org of bob is not verified\n",
        ),
        (
            &["add-address", "ann", email],
            "ann has ann@example.org now\n",
        ),
        (
            &["change-address", email, number, "--user", "ann"],
            "ann has +41446681800 in the place of ann@example.org now\n",
        ),
    ] {
        let ran = folder.run(&[&["user"], command].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), said), "{ran:?}");
    }
}

#[test]
fn deleted_user_is_gone() {
    let folder = folder_with_ann();
    let export = folder.run(&["user", "export", "Ann@Example.org"]);
    assert_eq!((export.code, export.stderr.as_str()), (Some(0), ""));
    assert!(!export.stdout.contains("argon2"), "{}", export.stdout);
    let export: serde_json::Value = serde_json::from_str(&export.stdout).unwrap();
    assert_eq!(export["account"]["username"], "ann");
    assert_eq!(export["addresses"][0]["value"], "ann@example.org");
    assert_eq!(export["is_complete"], true);

    let deleted = folder.run(&["user", "delete", "ANN@example.org"]);
    let said = (deleted.code, deleted.stdout.as_str());
    assert_eq!(said, (Some(0), "deleted ann (id 1)\n"));
    for command in ["delete", "export"] {
        let ran = folder.run(&["user", command, "ann"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("no account has this"), "{ran:?}");
    }
    let again = folder.run_with_input(&["user", "create", "ann"], "correct-horse\n");
    assert_eq!(again.stdout, "created ann (id 2)\n");
    let json = folder.run(&["user", "delete", "ann", "--json"]).stdout;
    let deleted: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!({ "id": 2, "username": "ann", "outcome": "removed" });
    assert_eq!(deleted, expected);
}

#[test]
fn users_are_searched() {
    let folder = folder_with_ann();
    let bob = ["user", "create", "bob", "--phone", "+1 212 555 2368"];
    assert_eq!(folder.run_with_input(&bob, "correct-horse\n").code, Some(0));
    for (text, found) in [
        ("EXAMPLE", &["ann"][..]),
        ("555-23", &["bob"]),
        ("b", &["bob"]),
        ("nobody", &[]),
    ] {
        let json = folder
            .run(&["user", "list", "--search", text, "--json"])
            .stdout;
        let users: serde_json::Value = serde_json::from_str(&json).unwrap();
        let users = users.as_array().unwrap().iter();
        let names: Vec<_> = users
            .map(|user| user["username"].as_str().unwrap())
            .collect();
        assert_eq!(names, found, "{text}");
    }
}

#[test]
fn disabled_user_cannot_log_in() {
    let folder = folder_with_ann();
    assert_eq!(folder.run(&["user", "disable", "ANN"]).code, Some(0));
    assert_eq!(log_in(&folder, PASSWORD), 400);
    assert!(folder.run(&["user", "list"]).stdout.contains("disabled"));
    assert_eq!(folder.run(&["user", "enable", "ann"]).code, Some(0));
    assert_eq!(log_in(&folder, PASSWORD), 302);
}

#[test]
fn any_login_names_the_user() {
    let folder = folder_with_ann();
    for (login, address) in [("ann", "ann@example.net"), ("ann", "+41446681800")] {
        let added = folder.run(&["user", "add-address", login, address]);
        assert_eq!(added.code, Some(0), "{added:?}");
    }
    for login in ["ann@example.net", "+41 44 668 18 00", "Ann"] {
        let disabled = folder.run(&["user", "disable", login]);
        assert_eq!(disabled.code, Some(0), "{disabled:?}");
        assert_eq!(log_in(&folder, PASSWORD), 400, "{login}");
        let enabled = folder.run(&["user", "enable", login]);
        assert_eq!(enabled.code, Some(0), "{enabled:?}");
        let set = folder.run_with_input(&["user", "set-password", login], PASSWORD);
        assert_eq!(set.code, Some(0), "{set:?}");
        assert_eq!(log_in(&folder, PASSWORD), 302, "{login}");
    }
}

#[test]
fn set_password_replaces_it() {
    let folder = folder_with_ann();
    let ran = folder.run_with_input(&["user", "set-password", "ann"], "  another horse \r\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(log_in(&folder, PASSWORD), 400);
    assert_eq!(log_in(&folder, "++another+horse+"), 302);
}

#[test]
fn mistakes_are_sentences() {
    let folder = folder_with_ann();
    for (code, arguments, input, said) in [
        (
            1,
            &["user", "create", "ANN"][..],
            PASSWORD,
            "the username is taken",
        ),
        (
            2,
            &["user", "create", "bob smith"],
            PASSWORD,
            "the username may have letters a to z, digits",
        ),
        (
            2,
            &["user", "create", "bob", "--email", "nowhere"],
            PASSWORD,
            "the email is not an email address",
        ),
        (
            2,
            &["user", "create", "bob", "--phone", "12"],
            PASSWORD,
            "the phone is not a phone number with its country",
        ),
        (
            1,
            &["user", "create", "bob"],
            "short",
            "the password has fewer than 8 characters",
        ),
        (
            1,
            &["user", "create", "bob"],
            "password",
            "the password is among the most common ones",
        ),
        (
            1,
            &["user", "create", "bob"],
            "",
            "no password came on standard input",
        ),
        (
            1,
            &["user", "set-password", "bob"],
            PASSWORD,
            "no account has this username",
        ),
        (
            1,
            &["user", "show", "bob@example.org"],
            "",
            "no account has this username, email address or phone number",
        ),
        (
            1,
            &["user", "verify", "bob@example.org"],
            "",
            "no account has this email address or phone number",
        ),
        (
            2,
            &["user", "add-address", "ann", "12"],
            "",
            "the phone is not a phone number with its country",
        ),
        (
            2,
            &["user", "rename", "ann", "a b"],
            "",
            "the username may have letters a to z, digits",
        ),
        (
            1,
            &["user", "disable", "bob"],
            "",
            "no account has this username",
        ),
        (
            2,
            &["user", "create", "a\u{1b}[2Jb"],
            PASSWORD,
            "the username",
        ),
    ] {
        let ran = folder.run_with_input(arguments, input);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(code), ""),
            "{arguments:?} {ran:?}"
        );
        assert!(
            ran.stderr.starts_with("phone-auth: ") && ran.stderr.contains(said),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    }
    assert_eq!(folder.run(&["user", "list"]).stdout.lines().count(), 2);
}

#[test]
fn missing_database_is_not_made() {
    let folder = Folder::new();
    for arguments in [&["user", "list"][..], &["user", "disable", "ann"]] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.stderr
                .contains("there is no database phone-auth.sqlite3"),
            "{ran:?}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn migrate_applies_once() {
    let folder = Folder::new();
    let first = folder.run(&["migrate"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.starts_with("applied "), "{first:?}");
    let second = folder.run(&["migrate"]);
    assert_eq!(second.stdout.lines().count(), 1, "{second:?}");
    assert!(
        second
            .stdout
            .ends_with("phone-auth.sqlite3 has the newest schema\n")
    );
}

#[test]
fn shared_sessions_are_told_of() {
    let folder = folder_with_ann();
    folder.write("site.toml", "django_sessions = true\n");
    for (more, says) in [
        (&[][..], "and signed out everywhere"),
        (&["--config", "site.toml"], "set-password"),
    ] {
        let disable = [&["user", "disable", "ann"], more].concat();
        let ran = folder.run(&disable);
        assert!(ran.stdout.contains(says), "{ran:?}");
        // Beside the JSON it is said all the same where something is left to do.
        let ran = folder.run(&[&disable[..], &["--json"]].concat());
        let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(shown["is_active"], false);
        assert_eq!(ran.stderr.contains(says), !more.is_empty(), "{ran:?}");
    }
}

/// An address that lets nobody in takes the place of none: Eve has the number too, and nobody has verified it.
#[test]
fn mistyped_address_stays_until_the_new_one_lets_in() {
    let folder = folder_with_ann();
    folder.write("site.toml", "unverified_sign_in = false\n");
    let (held, free) = ("+41 44 668 18 00", "+41 44 668 18 01");
    let (old, email) = ("+41 44 668 18 02", "eve@example.org");
    let create = ["user", "create", "eve", "--email", email, "--phone", held];
    let made = folder.run_with_input(&create, "correct-horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let values = |shown: &str| {
        let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
        let all = shown["addresses"].as_array().unwrap().clone();
        let all = all
            .iter()
            .map(|it| it["value"].as_str().unwrap().to_owned());
        all.filter(|it| it.starts_with('+')).collect::<Vec<_>>()
    };
    for (new, site, stays) in [
        (held, &[][..], true),
        (free, &["--config", "site.toml"], true),
        (free, &[], false),
    ] {
        let run = |command: &[&str]| folder.run(&[&["user"], command, site].concat());
        let added = run(&["add-address", "ann", old, "--verified"]);
        assert_eq!(added.code, Some(0), "{added:?}");
        let change = ["change-address", old, new, "--user", "ann", "--json"];
        let ran = run(&change);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let (is, was) = (new.replace(' ', ""), old.replace(' ', ""));
        assert_eq!(values(&ran.stdout).contains(&was), stays, "{ran:?}");
        assert!(values(&ran.stdout).contains(&is), "{ran:?}");
        let says = "goes once";
        assert_eq!(ran.stderr.contains(says), stays, "{ran:?}");
        if stays {
            let ran = run(&["verify", new, "--user", "ann", "--json"]);
            assert_eq!(values(&ran.stdout), std::slice::from_ref(&is), "{ran:?}");
        }
        assert_eq!(run(&["remove-address", new, "--user", "ann"]).code, Some(0));
    }
    // Of another kind nothing gives way to a proof.
    let change = [
        "user",
        "change-address",
        "ann@example.org",
        held,
        "--user",
        "ann",
    ];
    let eves = folder.run(&["user", "add-address", "eve", held]);
    assert_eq!(eves.code, Some(0), "{eves:?}");
    let ran = folder.run(&change);
    let says = "ann has +41446681800 beside ann@example.org now: +41446681800 lets nobody in";
    assert!(ran.stdout.starts_with(says), "{ran:?}");
}

#[test]
fn sessions_are_listed_and_ended() {
    let folder = folder_with_ann();
    assert_eq!(log_in(&folder, PASSWORD), 302);
    assert_eq!(log_in(&folder, PASSWORD), 302);
    let json = folder.run(&["user", "sessions", "ANN@example.org", "--json"]);
    let sessions: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{json:?}");
    let names: Vec<_> = sessions[0].as_object().unwrap().keys().collect();
    let told = [
        "address",
        "browser",
        "created_at",
        "expires_at",
        "last_used",
    ];
    assert_eq!(names, told);
    assert_eq!(sessions[0]["address"], "127.0.0.1");
    let table = folder.run(&["user", "sessions", "ann"]).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");

    let ended = folder.run(&["user", "end-sessions", "ann"]);
    let said = "ann is signed out everywhere; sessions ended: 2\n";
    assert_eq!(ended.stdout, said, "{ended:?}");
    let none = folder.run(&["user", "sessions", "ann", "--json"]);
    assert_eq!(none.stdout.trim(), "[]");
    let again = folder.run(&["user", "end-sessions", "ann", "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again, serde_json::json!({ "username": "ann", "ended": 0 }));

    folder.write("site.toml", "django_sessions = true\n");
    for command in ["sessions", "end-sessions"] {
        let nobody = folder.run(&["user", command, "nobody"]);
        assert_eq!(nobody.code, Some(1), "{nobody:?}");
        let shared = folder.run(&["user", command, "ann", "--config", "site.toml"]);
        assert_eq!(shared.code, Some(1), "{shared:?}");
        assert!(shared.stderr.contains("set-password"), "{shared:?}");
    }
}

/// Answers one request, and gives its body.
fn one_request(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut read = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).unwrap();
        read.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if count == 0 || text.ends_with('}') {
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
            return text;
        }
    }
}

/// What an operator does for someone who calls is told to the addresses that the user has proven, as what the user does.
#[test]
fn changes_of_an_operator_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let add = ["user", "add-address", "ann", "+12125552368", "--verified"];
    for (before, arguments, input) in [
        (
            &[][..],
            &["user", "set-password", "ann"][..],
            "another horse\n",
        ),
        (&[], &["user", "add-address", "ann", "+12125552368"], ""),
        (&[], &add, ""),
        (&[&add], &["user", "unverify", "+12125552368"], ""),
        (&[&add], &["user", "remove-address", "+12125552368"], ""),
        (
            &[&add],
            &["user", "change-address", "+12125552368", "+12125552399"],
            "",
        ),
        (&[], &["user", "delete", "ann"], ""),
    ] {
        let folder = folder_with_ann();
        let made = folder.run(&["user", "verify", "ann@example.org"]);
        assert_eq!(made.code, Some(0), "{made:?}");
        for arguments in before {
            folder.run(*arguments);
        }
        let webhook = format!(
            "[webhook]\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n"
        );
        folder.write("site.toml", &webhook);
        let command = [arguments, &["--config", "site.toml"]].concat();
        let ran = std::thread::scope(|scope| {
            let is_at_once = arguments[1] == "delete";
            let request = is_at_once.then(|| scope.spawn(|| one_request(&listener)));
            let ran = folder.run_with_input(&command, input);
            if let Some(request) = request {
                let told = request.join().unwrap();
                assert!(told.contains("ann@example.org"), "{told}");
            }
            ran
        });
        assert_eq!(ran.code, Some(0), "{arguments:?} {ran:?}");
        let pending = folder.run(&["outbox", "list"]).stdout;
        let is_pending = pending.contains("security_notice by email");
        assert_eq!(
            is_pending,
            arguments[1] != "delete",
            "{arguments:?} {pending}"
        );
        // Where nobody sends them, none wait.
        let silent = folder_with_ann();
        let narrow = format!("{webhook}signals = [\"reset_password_email\"]\n");
        silent.write("site.toml", &narrow);
        silent.run(&["user", "verify", "ann@example.org"]);
        let ran = silent.run_with_input(&command, input);
        assert!(ran.code.is_some(), "{ran:?}");
        let pending = silent.run(&["outbox", "list"]).stdout;
        assert!(
            !pending.contains("security_notice"),
            "{arguments:?} {pending}"
        );
    }
}

/// Ann has verified what Bob claims, on a site that tells nobody so: the operator is told, and no success is claimed.
#[test]
fn verified_address_of_another_stays_theirs() {
    let folder = folder_with_ann();
    folder.write(
        "site.toml",
        "conceal_accounts = true\nverify_at_sign_up = true\n",
    );
    let bob = ["user", "create", "bob", "--email", "bob@example.org"];
    let made = folder.run_with_input(&bob, "correct-horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let run = |command: &[&str]| {
        let site = ["--config", "site.toml"];
        folder.run(&[&["user"], command, &site].concat())
    };
    let email = "ann@example.org";
    for (command, said) in [
        (
            &["add-address", "bob", email][..],
            "bob has ann@example.org now\n",
        ),
        (
            &["verify", email, "--user", "ann"],
            "ann@example.org of ann is verified\n",
        ),
        (
            &["verify", email],
            "ann@example.org of ann is verified already\n",
        ),
        (
            &["unverify", email, "--user", "bob"],
            "ann@example.org of bob is not verified anyway\n",
        ),
    ] {
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), said), "{ran:?}");
    }
    for command in [
        &["verify", email, "--user", "bob"][..],
        &["verify", email, "--user", "bob", "--json"],
    ] {
        let refused = run(command);
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(1), ""),
            "{refused:?}"
        );
        let said = "ann@example.org of bob is not verified: ann has verified this address";
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    // Nor is it added, or put in the place of another, to be verified.
    let carl = ["user", "create", "carl", "--email", "carl@example.org"];
    let made = folder.run_with_input(&carl, "correct-horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let carls = || run(&["show", "carl", "--json"]).stdout;
    let before = carls();
    for command in [
        &["add-address", "carl", email, "--verified"][..],
        &["change-address", "carl@example.org", email, "--verified"],
    ] {
        let refused = run(command);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let said = "nothing was changed: ann has verified ann@example.org";
        assert!(refused.stderr.contains(said), "{refused:?}");
        assert_eq!(carls(), before);
    }
    // What the message says to do first.
    assert_eq!(run(&["unverify", email]).code, Some(0));
    let ran = run(&["verify", email, "--user", "bob"]);
    let said = "ann@example.org of bob is verified\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), said), "{ran:?}");
}

#[test]
fn names_and_primary_address_are_mended() {
    let folder = folder_with_ann();
    let add = ["user", "add-address", "ann", "ann@work.example"];
    assert_eq!(folder.run(&add).code, Some(0));
    let json = |shown: &str| serde_json::from_str::<serde_json::Value>(shown).unwrap();
    for (command, said) in [
        (
            &["set-name", "ann", "--last-name", "Lee"][..],
            "ann is called Ann Lee now\n",
        ),
        (
            &["set-name", "ann", "--first-name", ""],
            "ann is called Lee now\n",
        ),
        (
            &["set-name", "ann", "--first-name", "", "--last-name", ""],
            "ann has no first and last name now\n",
        ),
        (
            &["verify", "ann@work.example"],
            "ann@work.example of ann is verified\n",
        ),
        (
            &["make-primary", "ANN@work.example"],
            "ann@work.example is the primary address of ann now\n",
        ),
    ] {
        let ran = folder.run(&[&["user"], command].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), said), "{ran:?}");
    }
    let named = ["user", "set-name", "ann", "--first-name", "Anna", "--json"];
    let shown = json(&folder.run(&named).stdout);
    assert_eq!(
        (&shown["first_name"], &shown["email"]),
        (&"Anna".into(), &"ann@work.example".into())
    );
    let number = ["user", "add-address", "ann", "+41446681800", "--json"];
    assert_eq!(json(&folder.run(&number).stdout)["username"], "ann");
    for (code, command, said) in [
        (2, &["set-name", "ann"][..], "--first-name"),
        (
            2,
            &["set-name", "ann", "--first-name", "A\u{1b}n"],
            "first name",
        ),
        (1, &["make-primary", "ann@example.org"], "is not verified"),
        (
            1,
            &["make-primary", "+41446681800"],
            "a phone number cannot be",
        ),
        (
            1,
            &["make-primary", "nobody@example.org"],
            "no account has this",
        ),
    ] {
        let refused = folder.run(&[&["user"], command].concat());
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    for (command, input) in [
        (&["disable", "ann", "--json"][..], ""),
        (&["enable", "ann", "--json"], ""),
        (&["set-password", "ann", "--json"], "correct-horse-2\n"),
    ] {
        let ran = folder.run_with_input(&[&["user"], command].concat(), input);
        let is_active = command[0] != "disable";
        assert_eq!(json(&ran.stdout)["is_active"], is_active, "{ran:?}");
    }
    let carl = ["user", "create", "carl", "--json"];
    let made = folder.run_with_input(&carl, "correct-horse\n");
    assert_eq!(json(&made.stdout)["username"], "carl", "{made:?}");
}
