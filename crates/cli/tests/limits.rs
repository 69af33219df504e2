//! Limits at the command line: what is counted, and how it is cleared.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::{Folder, Ran};

fn folder_with_ann() -> Folder {
    let folder = Folder::new();
    let arguments = ["user", "create", "ann", "--phone", "+91 98765 43210"];
    let ran = folder.run_with_input(&arguments, "correct-horse\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    folder
}

/// Fails to log in as Ann so often, and asks for a reset by her number.
fn attack(folder: &Folder, times: usize) {
    let site = folder.serve();
    for _ in 0..times {
        let answer = site.post("/accounts/login/", "login=ann&password=wrong");
        assert_eq!(answer.status, 400);
    }
    let answer = site.post("/accounts/password_reset/", "login=%2B919876543210");
    assert_eq!(answer.status, 302);
}

fn check(ran: &Ran, code: i32, said: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(all.contains(said), "{said}: {all}");
}

#[test]
fn counters_are_listed_and_cleared() {
    let folder = folder_with_ann();
    check(&folder.run(&["limits", "--json"]), 0, "\"sms\": []");
    attack(&folder, 3);
    let json = folder.run(&["limits", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let sms = listed.get("sms").and_then(|sms| sms.get(0)).unwrap();
    for (field, value) in [
        ("scope", serde_json::json!("dial_code +91")),
        ("unused_day", serde_json::json!(1)),
        ("budget_day", serde_json::json!(20)),
        ("full", serde_json::json!(false)),
    ] {
        assert_eq!(sms.get(field), Some(&value), "{field}");
    }
    let table = folder.run(&["limits"]);
    check(&table, 0, "dial_code +91");
    check(&table, 0, "1 of 20");
    assert!(!table.stdout.contains("98765"), "{table:?}");
    check(
        &folder.run(&["limits", "clear", "203.0.113.7"]),
        0,
        "203.0.113.7: counters emptied: 0",
    );
    let unknown = folder.run(&["limits", "clear", "nobody"]);
    check(&unknown, 1, "no account has the login nobody");
    // The row of failures, and the reset of her number: what she may be sent, and what the text has used up of the budgets of
    // the number, of those beside it and of its country.
    let cleared = folder.run(&["limits", "clear", "+91 98765 43210"]);
    check(&cleared, 0, "counters emptied: 6");
    let again = folder.run(&["limits", "clear", "ann"]);
    check(&again, 0, "counters emptied: 0");
}

/// An address that users have added and that names none of them.
#[test]
fn counters_of_a_claim_are_cleared() {
    let folder = Folder::new();
    let site = folder.serve_with(|command| {
        command.env("PHONE_AUTH_VERIFY_AT_SIGN_UP", "true");
        command.env("PHONE_AUTH_CONCEAL_ACCOUNTS", "true");
    });
    let form = "first_name=Eve&last_name=Doe&username=eve&email=eve%40example.org&phone=%2B442079460018\
        &password=battery-staple&confirm_password=battery-staple";
    assert_eq!(site.post("/accounts/signup/", form).status, 302);
    drop(site);
    let shown = folder.run(&["user", "show", "eve@example.org"]);
    check(
        &shown,
        1,
        "no account has verified this address; eve has added it",
    );
    // What her sign-up has counted: a message to her address, and one to her number.
    let cleared = folder.run(&["limits", "clear", "eve@example.org"]);
    check(&cleared, 0, "counters emptied: 1");
    let cleared = folder.run(&["limits", "clear", "+44 20 7946 0018"]);
    // And the texts to it in an hour, the budgets of her number, of those beside it and of its country.
    check(&cleared, 0, "counters emptied: 5");
    let unknown = folder.run(&["limits", "clear", "nobody@example.org"]);
    check(&unknown, 1, "no account has the login nobody@example.org");
}

#[test]
fn counters_need_the_key_of_the_site() {
    let folder = folder_with_ann();
    attack(&folder, 1);
    let keys = std::fs::read_dir(folder.path()).unwrap();
    let keys = keys.map(|entry| entry.unwrap().path());
    let mut keys = keys.filter(|path| path.extension().is_some_and(|it| it == "key"));
    std::fs::remove_file(keys.next().unwrap()).unwrap();
    check(
        &folder.run(&["limits", "clear", "ann"]),
        1,
        "there is no secret key",
    );
    check(&folder.run(&["limits"]), 0, "dial_code +91");
}

#[test]
fn start_without_limits_says_so() {
    let is_said = |line: &str| line.contains("danger_no_limits is set: nothing is limited");
    for (setting, says) in [("", false), ("danger_no_limits = true", true)] {
        let folder = Folder::new();
        folder.write("site.toml", &format!("addr = \"127.0.0.1:0\"\n{setting}\n"));
        let checked = folder.run(&["--config", "site.toml", "check"]);
        assert_eq!(is_said(&checked.stdout), says, "{}", checked.stdout);
        let mut site = folder.serve_with(|command| {
            command.args(["--config", "site.toml"]);
        });
        if says {
            site.wait_for(is_said);
        }
    }
}
