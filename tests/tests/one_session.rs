//! Each form that gives a browser the key of a session, sent twice by a double click: one session is left, and the browser has its
//! key, whichever answer it has heard of. On both databases.
#![expect(clippy::expect_used, reason = "what is not there is a failed test")]

use phone_auth_tests::{Answer, Client, Kind, OwnDatabase, SiteOptions, User, together};

/// A form that is sent twice.
#[derive(Clone, Copy, Debug)]
enum Sent {
    LogIn,
    SignUp,
    Confirm,
    Change,
}

impl Sent {
    const ALL: [Self; 4] = [Self::LogIn, Self::SignUp, Self::Confirm, Self::Change];

    const fn path(self) -> &'static str {
        match self {
            Self::LogIn => "/accounts/login/",
            Self::SignUp => "/accounts/signup/",
            Self::Confirm => "/accounts/confirm_identity/",
            Self::Change => "/accounts/change_password/",
        }
    }

    fn fields(self, user: &User) -> Vec<(String, String)> {
        let of = |fields: &[(&str, &str)]| -> Vec<(String, String)> {
            let fields = fields.iter();
            fields
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let password = user.password.as_str();
        match self {
            Self::LogIn => of(&[("login", &user.username), ("password", password)]),
            Self::SignUp => user.fields(),
            Self::Confirm => of(&[("password", password)]),
            Self::Change => of(&[
                ("old_password", password),
                ("new_password1", "marble-Cottage-31"),
                ("new_password2", "marble-Cottage-31"),
            ]),
        }
    }

    /// Whether the one who sends it is signed in.
    const fn is_of_user(self) -> bool {
        matches!(self, Self::Confirm | Self::Change)
    }
}

fn options(database: &OwnDatabase) -> SiteOptions {
    database.site().setting("verify_at_sign_up", "true")
}

/// The form of a page as a browser sends it, twice: at once, or once more without having heard the answer.
async fn twice(client: &Client, sent: Sent, user: &User, at_once: bool) -> [(Client, Answer); 2] {
    let fields = sent.fields(user);
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let page = client.get(sent.path()).await.expect(200).page();
    let form = page.form_with(&names).filled(&fields);
    // A browser has heard of nothing when it is clicked for the second time.
    let clicks = [client.thief(), client.thief()];
    let mut answers = Vec::new();
    if at_once {
        let clicks = clicks.clone().map(|it| {
            let form = form.clone();
            async move { it.send_form(sent.path(), &form).await }
        });
        answers = together(clicks).await;
    } else {
        for click in &clicks {
            answers.push(click.send_form(sent.path(), &form).await);
        }
    }
    let second = answers.pop().expect("two answers");
    let first = answers.pop().expect("two answers");
    let [one, other] = clicks;
    [(one, first), (other, second)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn double_click_leaves_one_session() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for sent in Sent::ALL {
            for at_once in [true, false] {
                let database = OwnDatabase::new(kind);
                let site = options(&database).start().await;
                let told = format!("{kind:?} {sent:?} at once: {at_once}");
                let (client, user) = (site.client(), User::new());
                if !matches!(sent, Sent::SignUp) {
                    client.sign_up(&user).await.expect(302);
                }
                if !sent.is_of_user() && client.is_logged_in().await {
                    client.log_out().await;
                }
                let clicks = twice(&client, sent, &user, at_once).await;
                let [(one, first), (other, second)] = clicks;
                assert_eq!(
                    first.expect(302).location(),
                    second.expect(302).location(),
                    "{told}"
                );
                let key = |it: &Client| it.session_cookie().map(|it| it.value);
                assert_eq!(key(&one), key(&other), "{told}");
                assert!(one.is_logged_in().await, "{told}");
                let sessions = database.number("SELECT count(*) FROM phone_auth_session");
                assert_eq!(sessions, 1, "{told}");
                let page = one.get("/accounts/sessions/").await.expect(200);
                page.does_not_say("Sign out everywhere else");
            }
        }
    }
}

/// It is a second click of the same browser alone: another one that knows the password, or the same one that has signed out, has a
/// session of its own.
#[tokio::test]
async fn other_browser_has_its_own_session() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.signed_up().await;
        let [one, other] = [site.client(), site.client()];
        for client in [&one, &other] {
            client
                .log_in(&ann.username, &ann.password)
                .await
                .expect(302);
        }
        let key = |it: &Client| it.session_cookie().map(|it| it.value);
        let first = key(&one);
        assert_ne!(first, key(&other), "{kind:?}");
        one.log_out().await;
        one.log_in(&ann.username, &ann.password).await.expect(302);
        assert_ne!(first, key(&one), "{kind:?}");
        let guess = one.thief();
        guess.log_out().await;
        guess
            .log_in(&ann.username, "no-Harbour-91")
            .await
            .expect(400);
    }
}
