//! Phone numbers as contact cards, messages and keyboards give them, in every field that takes a number.

use http::StatusCode;
use phone_auth_core::address::Region;
use phone_auth_events::{LoginPhone, ResetPasswordPhone};
use phone_auth_urls::AccountPage;

use crate::support::{PASSWORD, Site, sign_up_form};

const OWN: &str = "+12125552368";
const NEW: &str = "+919876543210";

/// The fields that take a number.
#[derive(Clone, Copy, Debug)]
enum Field {
    SignUp,
    LogIn,
    AskReset,
    AskLogIn,
    Add,
    Change,
}

const FIELDS: [Field; 6] = [
    Field::SignUp,
    Field::LogIn,
    Field::AskReset,
    Field::AskLogIn,
    Field::Add,
    Field::Change,
];

/// A number in groups with this between them.
fn in_groups(number: &str, between: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let groups = digits.chunks(3).map(String::from_iter);
    groups.collect::<Vec<_>>().join(between)
}

/// A number in the digits that begin here.
fn in_digits(number: &str, zero: u32) -> String {
    let written = |c: char| {
        c.to_digit(10)
            .map_or(c, |it| char::from_u32(zero + it).unwrap())
    };
    number.chars().map(written).collect()
}

/// How a number is pasted, each with its name.
fn pasted(number: &str) -> [(&'static str, String); 16] {
    [
        ("no-break space", in_groups(number, "\u{a0}")),
        ("narrow space", in_groups(number, "\u{202f}")),
        ("embedding", format!("\u{202a}{number}\u{202c}")),
        (
            "isolate",
            format!("\u{2066}{}\u{2069}", in_groups(number, " ")),
        ),
        ("no-break hyphen", in_groups(number, "\u{2011}")),
        (
            "full width",
            in_digits(number, 0xff10).replace('+', "\u{ff0b}"),
        ),
        ("Arabic digits", in_digits(number, 0x0660)),
        ("link", format!("tel:{}", in_groups(number, "-"))),
        ("from abroad", number.replace('+', "00 ")),
        ("escaped link", number.replace('+', "tel:%2B")),
        ("long vowel", in_groups(number, "\u{30fc}")),
        ("tilde", in_groups(number, "~")),
        ("middle dot", in_groups(number, "\u{b7}")),
        ("square brackets", format!("[{number}]")),
        (
            "from abroad in brackets",
            format!("{})", number.replace('+', "(00")),
        ),
        ("comma", format!("{number}\u{ff0c}")),
    ]
}

/// Whether a field takes what is typed for the number that it is about.
async fn takes(field: Field, typed: impl Fn(&str) -> String) -> bool {
    let site = Site::with(|settings| {
        settings.login_by_code = true;
        settings.default_region = Region::named("CH");
    });
    let mut ann = site.ann().await;
    let pk = ann.pk("phone").await;
    let proof = ann.phone_link().await;
    ann.get(&proof).await;
    let accounts = site.web.accounts();
    let (own, new) = (typed(OWN), typed(NEW));
    let mut guest = site.browser();
    match field {
        Field::SignUp => {
            let form = sign_up_form("bob", "bob@example.org", &new);
            guest.post("/accounts/signup/", &form).await;
        }
        Field::LogIn => {
            let answer = guest.log_in(&own, PASSWORD).await;
            return answer.status == StatusCode::FOUND;
        }
        Field::AskReset => {
            let mut sent = site.capture::<ResetPasswordPhone>();
            guest
                .post("/accounts/password_reset/", &[("login", &own)])
                .await;
            return sent.take().iter().any(|it| it.phone == OWN);
        }
        Field::AskLogIn => {
            let mut sent = site.capture::<LoginPhone>();
            guest
                .post("/accounts/login_code/", &[("login", &own)])
                .await;
            return sent.take().iter().any(|it| it.phone == OWN);
        }
        Field::Add => {
            ann.confirm(PASSWORD).await;
            ann.post("/accounts/phone/add/", &[("phone", &new)]).await;
        }
        Field::Change => {
            ann.confirm(PASSWORD).await;
            let page = format!("/accounts/address/?method=phone&pk={pk}");
            ann.post(&page, &[("action", "change"), ("phone", &new)])
                .await;
        }
    }
    let name = if matches!(field, Field::SignUp) {
        "bob"
    } else {
        "ann"
    };
    let Some(user) = accounts.find(name).await.unwrap() else {
        return false;
    };
    let addresses = accounts.addresses_of(user.id).await.unwrap();
    addresses.iter().any(|it| it.value == NEW)
}

/// The tags of the fields of these names on a page.
fn inputs<'a>(body: &'a str, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let tags = body.split("<input ").skip(1);
    let tags = tags.map(|rest| rest.split('>').next().unwrap());
    tags.filter(|tag| {
        names
            .iter()
            .any(|name| tag.contains(&format!(" name=\"{name}\"")))
    })
}

/// On every page there is, with each kind of site: what takes a number and nothing else brings up the keys of a telephone, and is filled
/// in by the browser; what may be told as well how else an account is named does not, and says how to type a number.
#[tokio::test]
async fn fields_of_numbers_have_the_keys_of_a_telephone() {
    let mut found = Vec::new();
    for takes_names in [false, true] {
        let site = Site::with(|settings| {
            settings.login_by_code = true;
            settings.authentication_methods.email = takes_names;
            settings.authentication_methods.username = takes_names;
            settings.register_username_required = takes_names;
        });
        let mut ann = site.browser();
        let form = sign_up_form("ann", "ann@example.org", OWN);
        ann.post("/accounts/signup/", &form).await;
        ann.log_in(OWN, PASSWORD).await;
        let pk = ann.pk("phone").await;
        ann.confirm(PASSWORD).await;
        let pages = AccountPage::ALL.map(AccountPage::pattern);
        let pages = pages.iter().filter(|it| !it.contains('{'));
        let mut paths: Vec<_> = pages.map(|it| format!("/accounts/{it}")).collect();
        paths.push(format!("/accounts/address/?method=phone&pk={pk}"));
        for path in paths.iter().filter(|it| !it.ends_with("/logout/")) {
            let [guest, hers] = [site.browser().get(path).await, ann.get(path).await];
            for body in [guest.body, hers.body] {
                let numbers: &[&str] = if takes_names {
                    &["phone"]
                } else {
                    &["phone", "login"]
                };
                for tag in inputs(&body, numbers) {
                    for part in ["type=\"tel\"", "inputmode=\"tel\""] {
                        assert!(tag.contains(part), "{path}: {tag}");
                    }
                    let fills = if tag.contains(" name=\"login\"") {
                        "username"
                    } else {
                        "tel"
                    };
                    let fills = format!("autocomplete=\"{fills}\"");
                    assert!(tag.contains(&fills), "{path}: {tag}");
                    let told = tag.split("aria-describedby=\"").nth(1).unwrap_or_default();
                    assert!(told.contains("hint"), "{path}: {tag}");
                    found.push((takes_names, path.split('?').next().unwrap().to_owned()));
                }
                let others: &[&str] = if takes_names { &["login"] } else { &[] };
                for tag in inputs(&body, others) {
                    assert!(tag.contains("type=\"text\""), "{path}: {tag}");
                    assert!(tag.contains("autocomplete=\"username\""), "{path}: {tag}");
                    assert!(tag.contains("hint"), "{path}: {tag}");
                    found.push((takes_names, path.clone()));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    let expected = [
        "address",
        "login",
        "login_code",
        "password_reset",
        "phone/add",
        "signup",
    ];
    let expected = [false, true].map(|it| expected.map(|page| (it, format!("/accounts/{page}/"))));
    assert_eq!(found, expected.concat());
}

#[tokio::test]
async fn pasted_number_is_taken_in_every_field() {
    let mut refused = Vec::new();
    for field in FIELDS {
        for (at, (name, _)) in pasted(OWN).iter().enumerate() {
            if !takes(field, |number| pasted(number)[at].1.clone()).await {
                refused.push(format!("{field:?}: {name}"));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn what_is_no_number_is_taken_in_no_field() {
    let no_numbers: [fn(&str) -> String; 8] = [
        |number| in_groups(number, "\n"),
        |number| in_groups(number, "\0"),
        |number| format!("{number};ext=5"),
        |number| format!("{number} or {number}"),
        |number| number.replace('2', "A"),
        |number| format!("{number}~5"),
        |number| format!("{number},5"),
        |number| number.replace('+', "%2B"),
    ];
    for field in FIELDS {
        for (at, typed) in no_numbers.iter().enumerate() {
            assert!(!takes(field, typed).await, "{field:?}: {at}");
        }
    }
}
