//! Limits at the command line: what is counted, and how it is cleared.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::indexing_slicing,
    reason = "what is not there is a failed test"
)]

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

/// Wrong passwords in a row at an account, and too many of one client: who it is tells the key of the site.
#[test]
fn full_counters_are_shown_by_name() {
    let folder = folder_with_ann();
    let origin = "https://example.org";
    let site = folder.serve_with(|command| {
        command.env("PHONE_AUTH_SITE_URL", origin);
        command.env("PHONE_AUTH_TRUSTED_PROXIES", "127.0.0.0/8");
        command.env("PHONE_AUTH_LIMIT_FAILURES_IN_A_ROW", "3");
        let messages = "reset_password_email,reset_password_phone,verify_email,verify_phone";
        command.env("PHONE_AUTH_ALLOW_UNRECEIVED", messages);
    });
    let try_as = |login: &str, from: &str| {
        let form = format!("login={login}&password=wrong");
        let head = format!(
            "POST /accounts/login/ HTTP/1.1\r\nHost: example.org\r\nOrigin: {origin}\r\nX-Forwarded-For: {from}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len(),
        );
        site.request(&head, &form).status
    };
    for (number, status) in [(1, 400), (2, 400), (3, 400), (4, 429)] {
        let from = format!("198.51.{number}.7");
        assert_eq!(try_as("ann", &from), status, "{number}");
    }
    let mut number = 0;
    while try_as(&format!("nobody{number}"), "203.0.113.7") != 429 {
        number += 1;
        assert!(number < 100, "log-ins have no limit");
    }
    drop(site);
    let shown = |arguments: &[&str]| {
        let ran = folder.run(&[&["limits"], arguments, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let listed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let full = listed["full"].as_array().unwrap().iter();
        let full = full.map(|row| row["limit"].as_str().unwrap().to_owned());
        let mut full: Vec<_> = full.collect();
        full.sort();
        let sms = listed["sms"].as_array().unwrap().len();
        (full, sms)
    };
    let (row, failed) = ("failures_in_a_row".to_owned(), "failed_log_ins".to_owned());
    let of_ann = (vec![row.clone()], 0);
    for (arguments, expected) in [
        (&["list"][..], (vec![failed.clone(), row.clone()], 0)),
        (&["show", "ann"], of_ann.clone()),
        (&["show", "+91 98765 43210"], of_ann),
        (&["show", "203.0.113.7"], (vec![failed], 0)),
        (&["show", "203.0.114.7"], (vec![], 0)),
        (&["show", "+91"], (vec![], 0)),
    ] {
        assert_eq!(shown(arguments), expected, "{arguments:?}");
    }
    let json = folder.run(&["limits", "show", "ann", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let full = &listed["full"][0];
    let (counter, until) = (
        full["counter"].as_str().unwrap(),
        full["full_until"].as_str().unwrap(),
    );
    let table = folder.run(&["limits", "show", "ann"]);
    for said in ["failures_in_a_row", counter, until] {
        check(&table, 0, said);
    }
    assert!(!table.stdout.contains("failed_log_ins"), "{table:?}");
    let unknown = folder.run(&["limits", "show", "nobody"]);
    check(&unknown, 1, "no account has the login nobody");
    // What is shown is what is emptied.
    check(
        &folder.run(&["limits", "clear", "203.0.113.7"]),
        0,
        "counters emptied: 4",
    );
    assert_eq!(shown(&["list"]), (vec![row], 0));
    check(
        &folder.run(&["limits", "clear", "ann"]),
        0,
        "counters emptied:",
    );
    assert_eq!(shown(&["list"]), (vec![], 0));
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
    for command in ["clear", "show"] {
        let ran = folder.run(&["limits", command, "ann"]);
        check(&ran, 1, "there is no secret key");
    }
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
