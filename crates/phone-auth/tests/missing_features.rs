//! An application that left out a feature: the compiler says which, at each place, and nothing else.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::panic, reason = "a test fails by it")]

use std::{env, fmt::Write, fs, path::Path, process::Command};

/// The feature to turn on, and a line that needs it.
type Case = (&'static str, &'static str);

/// Said in the words of this crate.
const METHODS: [Case; 9] = [
    ("`smtp`", "builder.smtp(1);"),
    ("`sms-gateway`", "builder.sms_gateway(1);"),
    ("`webhook`", "builder.webhook(1).without_worker();"),
    ("`nats`", "builder.nats(1);"),
    ("`development`", "builder.development(1, 2);"),
    ("`web`", "builder.web(|web| web.site_name(\"Tea house\"));"),
    ("`web`", "auth.web();"),
    ("`web`", "let _: Vec<u8> = auth.router();"),
    (
        "`sqlite` or `postgres`",
        "drop(phone_auth::Database::open(\"sqlite:a\"));",
    ),
];

/// Said in the words of the compiler.
const MODULES: [Case; 6] = [
    ("`web`", "use phone_auth::web::LoggedIn;"),
    ("`sqlite`", "use phone_auth::sqlite::SqliteStore;"),
    ("`postgres`", "use phone_auth::postgres::PostgresStore;"),
    ("`django`", "use phone_auth::django::DjangoHashes;"),
    ("`delivery`", "use phone_auth::delivery::Secret;"),
    (
        "`zxcvbn`",
        "use phone_auth::core::password::PasswordStrength;",
    ),
];

/// What the compiler says to a program with these lines, each in a function of its own: one text for each error.
fn compile(folder: &Path, cases: &[Case]) -> Vec<String> {
    let mut program = "fn main() {}\n".to_owned();
    for (number, (_, line)) in cases.iter().enumerate() {
        let arguments = "builder: phone_auth::PhoneAuthBuilder, auth: &phone_auth::PhoneAuth";
        writeln!(program, "pub fn case{number}({arguments}) {{ {line} }}").unwrap();
    }
    fs::write(folder.join("src/main.rs"), program).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "check",
            "--offline",
            "--quiet",
            "--color=never",
            "--target-dir",
        ])
        .arg(folder.join("target"))
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let errors = said.split("\n\n").filter(|text| text.starts_with("error["));
    let errors: Vec<_> = errors.map(str::to_owned).collect();
    assert_eq!(errors.len(), cases.len(), "one error for each line\n{said}");
    errors
}

fn check(folder: &Path, cases: &[Case], words: impl Fn(&str) -> String) {
    let errors = compile(folder, cases);
    for (feature, line) in cases {
        let error = errors.iter().find(|error| error.contains(line));
        let error = error.unwrap_or_else(|| panic!("nothing is said of {line}\n{errors:#?}"));
        assert!(error.contains(&words(feature)), "{line}\n{error}");
    }
}

#[test]
fn missing_feature_is_named() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("missing_features");
    let facade = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         phone-auth = {{ path = '{}', default-features = false }}\n",
        facade.display()
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that the workspace has: nothing is asked of a registry.
    fs::copy(facade.join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    check(&folder, &METHODS, |feature| {
        format!("the feature {feature} of phone-auth")
    });
    check(&folder, &MODULES, |feature| {
        format!("the item is gated behind the {feature} feature")
    });
}
