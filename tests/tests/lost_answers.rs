//! A connection to PostgreSQL that breaks between a commit and its answer: what was asked for has happened, and nobody
//! knows. The page does not claim otherwise, and the same form sent again is answered by what is so.
#![expect(clippy::panic, reason = "it is how a test fails")]

use phone_auth_test_postgres::Database;
use phone_auth_tests::{Answer, Client, Form, PostgresProxy, Site, User};

/// What stands in every statement that stores or compares the hash of a password, and in no other.
const HASH: &str = "$argon2";

/// What stands in the arguments of the statement that enqueues a reset by email: a text, and the length of the next before
/// it. The names alone stand in the statement by which a worker claims messages as well, which is sent whole at the first
/// use of a connection.
const ENQUEUED: &str = "reset_password\0\0\0\u{5}email";

const NEW: &str = "walnut-Harbour-22";

/// A form as a browser sends it, again and again.
struct Sent<'a> {
    client: &'a Client,
    path: String,
    form: Form,
}

impl<'a> Sent<'a> {
    /// The form of this page that has this field, filled in.
    async fn of(client: &'a Client, path: &str, field: &str, fields: &[(&str, &str)]) -> Self {
        let page = client.get(path).await.expect(200).page();
        let form = page.form_with(&[field]);
        let fields: Vec<_> = fields
            .iter()
            .filter(|(name, _)| form.field(name).is_some())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self {
            client,
            path: path.to_owned(),
            form: form.filled(&fields),
        }
    }

    async fn once(&self) -> Answer {
        self.client.send_form(&self.path, &self.form).await
    }

    /// Sends it while the answer to what it does is lost.
    async fn while_lost(&self, proxy: &PostgresProxy, marker: &'static str) {
        proxy.lose_answer_to(marker);
        let answer = self.once().await;
        assert!(proxy.has_lost_it(), "{}: nothing was lost", self.path);
        answer
            .expect(503)
            .says("look first whether it was done: it may have been")
            .does_not_say("nothing was changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answer_of_a_commit_is_not_denied() {
    let database = Database::new().unwrap_or_else(|error| panic!("{error}"));
    let proxy = PostgresProxy::before(&database).await;
    let site = Site::options().database(proxy.url()).start().await;
    let count = |question: &str| {
        let found = database.run(&format!("SELECT count(*) FROM {question}"));
        found.unwrap_or_else(|error| panic!("{error}"))
    };

    // A sign-up: the account is there, once, and the form sent again says so.
    let ann = User::new();
    let browser = site.client();
    let fields = ann.fields();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let sign_up = Sent::of(&browser, "/accounts/signup/", "password", &fields).await;
    sign_up.while_lost(&proxy, HASH).await;
    sign_up
        .once()
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    assert_eq!(count("auth_user"), "1\n");

    // A log-in: its session is nobody's, and the form sent again begins another.
    let log_in = [("login", &*ann.username), ("password", &*ann.password)];
    let log_in = Sent::of(&browser, "/accounts/login/", "password", &log_in).await;
    log_in.while_lost(&proxy, HASH).await;
    assert!(!browser.is_logged_in().await);
    assert_eq!(count("phone_auth_session"), "1\n");
    log_in.once().await.expect(302);
    assert!(browser.is_logged_in().await);

    // A change of the password: it is changed, and the form sent again says that it is.
    let change = [
        ("old_password", &*ann.password),
        ("new_password1", NEW),
        ("new_password2", NEW),
    ];
    let path = "/accounts/change_password/";
    let change = Sent::of(&browser, path, "old_password", &change).await;
    change.while_lost(&proxy, HASH).await;
    change.once().await.expect(302);
    assert!(browser.is_logged_in().await);
    let log_in = async |password: &str| site.client().log_in(&ann.username, password).await;
    log_in(&ann.password).await.expect(400);
    log_in(NEW).await.expect(302);

    // A reset that is asked for: each answer that was lost has sent its message, with the same link.
    let stranger = site.client();
    let fields = [("login", &*ann.email)];
    let ask = Sent::of(&stranger, "/accounts/password_reset/", "login", &fields).await;
    ask.while_lost(&proxy, ENQUEUED).await;
    let first = site.printed("reset_password_email", &ann.email).await;
    ask.once().await.expect(302);
    let second = site
        .nth_printed("reset_password_email", &ann.email, 2)
        .await;
    assert_eq!(first.url(), second.url());

    // And the reset itself: the link is used, and the form sent again says that the password is the new one.
    let form = stranger.open_reset_link(first.url()).await;
    let newest = "chestnut-Meadow-33";
    let fields = [("new_password1", newest), ("new_password2", newest)];
    let reset = Sent::of(&stranger, &form, "new_password1", &fields).await;
    reset.while_lost(&proxy, HASH).await;
    reset
        .once()
        .await
        .redirects_to("/accounts/password_reset_complete/");
    log_in(NEW).await.expect(400);
    log_in(newest).await.expect(302);
}
