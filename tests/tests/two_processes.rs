//! A form whose two clicks a proxy sends to two processes over one database. The memory of a process does not reach the other:
//! what holds all the same is in the store, or derived from what both clicks bring.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what is not there is a failed test"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use phone_auth_tests::{Client, Kind, OwnDatabase, Site, SiteOptions, User, until};

const NEW: &str = "marble-Cottage-31";
const NEWEST: &str = "copper-Lantern-33";
const ADDRESSES: &str = "/accounts/user_verification/";

/// Within that the second click is answered as the first, with some time to spare.
const SOON: Duration = Duration::from_secs(8);

/// Two processes, of which the first sends the messages.
struct Processes {
    database: OwnDatabase,
    first: Site,
    second: Site,
    /// Whether two clicks came so far apart that the second is none any more.
    was_late: AtomicBool,
}

impl Processes {
    async fn start(change: impl Fn(SiteOptions) -> SiteOptions) -> Self {
        let database = OwnDatabase::new(Kind::Postgres);
        let first = change(database.site().limited()).start().await;
        let second = change(database.site().limited()).setting("outbox_worker", "false");
        let second = second.start().await;
        Self {
            database,
            first,
            second,
            was_late: AtomicBool::new(false),
        }
    }

    /// What both say to a form of one browser, which has the cookies of before the first click both times.
    async fn click(
        &self,
        browser: &Client,
        path_of_page: &str,
        fields: &[(&str, &str)],
    ) -> [String; 2] {
        let page = browser.get(path_of_page).await.expect(200).page();
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let typed: Vec<_> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let form = page.form_with(&names).filled(&typed);
        let path = form.action.clone().filter(|it| !it.is_empty());
        let path = path.unwrap_or_else(|| path_of_page.to_owned());
        self.send(browser, &path, form.values()).await
    }

    /// The same for what a form sends.
    async fn send(&self, browser: &Client, path: &str, form: Vec<(String, String)>) -> [String; 2] {
        let begun = Instant::now();
        let second = self.second.client();
        for cookie in browser.cookies() {
            second.plant(&cookie.name, &cookie.value);
        }
        let mut said = [String::new(), String::new()];
        for (client, said) in [browser, &second].into_iter().zip(&mut said) {
            let answer = client.post(path, form.clone()).await;
            // One that is sent no more is not replaced by the second.
            self.first.delivered().await;
            *said = match answer.status {
                // Which of its requests a page is about is no difference.
                302 => answer
                    .location()
                    .split("?asked=")
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                status => format!("{status} {}", answer.page().words()),
            };
        }
        // A browser shows the answer to the second click, and has its cookies.
        for cookie in browser.cookies() {
            browser.forget(&cookie.name);
        }
        for cookie in second.cookies() {
            browser.plant(&cookie.name, &cookie.value);
        }
        self.was_late
            .fetch_or(begun.elapsed() > SOON, Ordering::Relaxed);
        said
    }
}

/// A form that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    SignUp,
    LogIn,
    ConfirmIdentity,
    AddEmail,
    AskVerification,
    Verify,
    ChangePassword,
    AskReset,
    SetPassword,
    AskLogIn,
    LogInByCode,
    LogOut,
    AskSignUp,
}

/// Every form, in the order in which one user comes to them, and how many users, messages and sessions its two clicks make. A
/// change of the password is told by a message.
const FORMS: [(Form, [i64; 3]); 12] = [
    (Form::SignUp, [1, 0, 0]),
    (Form::LogIn, [0, 0, 1]),
    (Form::ConfirmIdentity, [0, 0, 0]),
    (Form::AddEmail, [0, 0, 0]),
    (Form::AskVerification, [0, 1, 0]),
    (Form::Verify, [0, 0, 0]),
    (Form::ChangePassword, [0, 1, 0]),
    // One for each click, where the first is sent by then.
    (Form::AskReset, [0, 2, 0]),
    (Form::SetPassword, [0, 1, -1]),
    (Form::AskLogIn, [0, 2, 0]),
    (Form::LogInByCode, [0, 0, 1]),
    (Form::LogOut, [0, 0, -1]),
];

/// The same where nobody has a password.
const BY_CODE: [(Form, [i64; 3]); 2] =
    [(Form::AskSignUp, [1, 2, 0]), (Form::LogInByCode, [0, 0, 1])];

/// A user who goes from form to form.
struct Walk {
    both: Processes,
    browser: Client,
    ann: User,
    second_email: String,
}

impl Walk {
    async fn double_click(&self, form: Form) -> [String; 2] {
        let (both, browser, ann) = (&self.both, &self.browser, &self.ann);
        let (email, password) = (ann.email.as_str(), ann.password.as_str());
        let site = &both.first;
        match form {
            Form::SignUp => {
                let fields = ann.fields();
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(n, v)| (n.as_str(), v.as_str()))
                    .collect();
                both.click(browser, "/accounts/signup/", &fields).await
            }
            Form::LogIn => {
                let fields = [("login", email), ("password", password)];
                both.click(browser, "/accounts/login/", &fields).await
            }
            Form::ConfirmIdentity => {
                both.click(
                    browser,
                    "/accounts/confirm_identity/",
                    &[("password", password)],
                )
                .await
            }
            Form::AddEmail => {
                both.click(
                    browser,
                    "/accounts/email/add/",
                    &[("email", &self.second_email)],
                )
                .await
            }
            Form::AskVerification => both.send(browser, ADDRESSES, self.row().await).await,
            Form::Verify => {
                let code = site.printed("verify_email", email).await.code().to_owned();
                let mut fields = self.row().await;
                fields.push(("code".to_owned(), code));
                both.send(browser, ADDRESSES, fields).await
            }
            Form::ChangePassword => {
                let fields = [
                    ("old_password", password),
                    ("new_password1", NEW),
                    ("new_password2", NEW),
                ];
                both.click(browser, "/accounts/change_password/", &fields)
                    .await
            }
            Form::AskReset => {
                both.click(browser, "/accounts/password_reset/", &[("login", email)])
                    .await
            }
            Form::SetPassword => {
                let link = site.printed("reset_password_email", email).await;
                let path = browser.open_reset_link(link.url()).await;
                let fields = [("new_password1", NEWEST), ("new_password2", NEWEST)];
                both.click(browser, &path, &fields).await
            }
            Form::AskLogIn => {
                both.click(browser, "/accounts/login_code/", &[("login", email)])
                    .await
            }
            Form::LogInByCode => {
                let code = self.newest_code("login_email");
                let page = "/accounts/login_code_done/";
                both.click(browser, page, &[("code", &code)]).await
            }
            Form::LogOut => both.send(browser, "/accounts/logout/", Vec::new()).await,
            Form::AskSignUp => {
                let fields = [
                    ("first_name", "Ann"),
                    ("last_name", "Lee"),
                    ("email", email),
                ];
                both.click(browser, "/accounts/signup/", &fields).await
            }
        }
    }

    /// The code of the last message of a kind: that of the click whose answer the browser shows.
    fn newest_code(&self, signal: &str) -> String {
        let printed = self.both.first.record().printed();
        let newest = printed.iter().rfind(|it| it.signal == signal);
        newest.expect("it was sent").code().to_owned()
    }

    /// The form beside the address that is to be verified.
    async fn row(&self) -> Vec<(String, String)> {
        let rows = self.browser.unverified().await;
        let row = rows
            .into_iter()
            .find(|it| it.value == self.ann.email)
            .expect("it is offered");
        vec![("method".to_owned(), row.method), ("pk".to_owned(), row.pk)]
    }

    /// Waits until so many messages are printed: the outbox is empty a moment before their lines are read.
    async fn printed(&self, wanted: i64) {
        let record = || self.both.first.record();
        let wanted = usize::try_from(wanted).expect("there are some");
        until("each message that is expected is printed", || async {
            record().printed().len() >= wanted
        })
        .await;
    }

    /// How many users, messages and sessions there are.
    fn counts(&self) -> [i64; 3] {
        let count = |table| {
            self.both
                .database
                .number(&format!("SELECT count(*) FROM {table}"))
        };
        let messages = self.both.first.record().printed().len();
        let messages = i64::try_from(messages).expect("there are few");
        [count("auth_user"), messages, count("phone_auth_session")]
    }
}

/// Goes through all the forms; anew where the machine was too busy for two clicks at once.
async fn walk(forms: &[(Form, [i64; 3])], change: impl Fn(SiteOptions) -> SiteOptions) {
    let mut late = Vec::new();
    for _ in 0..5 {
        match walk_once(forms, &change).await {
            Ok(()) => return,
            Err(why) => late.push(why),
        }
    }
    panic!("never two clicks at once: {late:#?}");
}

/// One click after the other: which process has the first is the same for the store.
async fn walk_once(
    forms: &[(Form, [i64; 3])],
    change: impl Fn(SiteOptions) -> SiteOptions,
) -> Result<(), String> {
    let both = Processes::start(change).await;
    let walk = Walk {
        browser: both.first.client(),
        ann: User::new(),
        second_email: User::another_email(),
        both,
    };
    let mut failed = Vec::new();
    let mut before = walk.counts();
    for (form, expected) in forms {
        let [first, second] = walk.double_click(*form).await;
        if walk.both.was_late.load(Ordering::Relaxed) {
            return Err(format!(
                "the clicks at {form:?} were more than {SOON:?} apart"
            ));
        }
        walk.printed(before[1] + expected[1]).await;
        let now = walk.counts();
        let made: Vec<_> = now
            .iter()
            .zip(before)
            .map(|(now, before)| now - before)
            .collect();
        if first != second || !first.starts_with('/') || made != expected {
            failed.push(format!("{form:?}: {made:?}, {first}, {second}"));
        }
        before = now;
    }
    assert!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

/// Each has one answer. What the guide says of several processes is all that comes twice.
#[tokio::test]
async fn two_clicks_at_two_processes_have_one_answer() {
    walk(&FORMS, |it| it.setting("login_by_code", "true")).await;
}

#[tokio::test]
async fn two_clicks_without_a_password_have_one_answer() {
    let change = |it: SiteOptions| {
        it.setting("authentication_methods", "email")
            .setting("login_by_code", "true")
            .setting("sign_up_by_code", "true")
    };
    walk(&BY_CODE, change).await;
}
