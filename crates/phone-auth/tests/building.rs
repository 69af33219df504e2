//! What `PhoneAuth::builder` refuses.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use phone_auth::core::outbox::WorkerOptions;
use phone_auth::signals::{
    Channel, LoginPhone, ResetPasswordEmail, ResetPasswordPhone, Signals, UserSignedUp,
    VerifyEmail, VerifyPhone,
};
use phone_auth::{
    BuildError, BuildErrorKind, Database, Keyring, PhoneAuth, PhoneAuthBuilder, SecretKey,
    Settings, SiteOrigin,
};
use phone_auth_store_testkit::MemoryStore;

fn key() -> SecretKey {
    SecretKey::generate().unwrap()
}

fn site() -> SiteOrigin {
    SiteOrigin::parse("https://example.org").unwrap()
}

/// A builder with nothing but what is needed.
fn minimal() -> PhoneAuthBuilder {
    PhoneAuth::builder(site(), key(), MemoryStore::new())
}

/// A builder that lacks nothing.
fn whole() -> PhoneAuthBuilder {
    without_messages(minimal())
}

/// Nobody needs to receive a message.
fn without_messages(builder: PhoneAuthBuilder) -> PhoneAuthBuilder {
    builder
        .allow_unreceived::<ResetPasswordEmail>()
        .allow_unreceived::<ResetPasswordPhone>()
        .allow_unreceived::<VerifyEmail>()
        .allow_unreceived::<VerifyPhone>()
}

async fn refusal(builder: PhoneAuthBuilder) -> BuildError {
    builder.build().await.unwrap_err()
}

#[tokio::test]
async fn whole_builder_builds() {
    let auth = whole().build().await.unwrap();
    assert_eq!(auth.site().as_str(), "https://example.org");
    let users = auth.accounts().users_after(None, 1).await.unwrap();
    assert!(users.is_empty());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn name_of_no_database_is_refused() {
    for name in ["app.sqlite3", "sqlite:", "postgres://x", "sqlite::memory:"] {
        let refused = Database::open(name).await.unwrap_err();
        assert_eq!(refused.kind(), BuildErrorKind::Database, "{name}");
    }
    let refused = Database::open("sqlite:/nowhere/at/all/x.sqlite3").await;
    assert_eq!(refused.unwrap_err().kind(), BuildErrorKind::Store);
}

/// Settings that are these but for a change.
fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

/// A change of a builder.
type Change = fn(PhoneAuthBuilder) -> PhoneAuthBuilder;

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let wrong: [(Change, BuildErrorKind, &str); 13] = [
        (
            |builder| builder.mount("konto"),
            BuildErrorKind::Settings,
            "the mount \"konto\" is not a path",
        ),
        (
            |builder| builder.mount("/konto"),
            BuildErrorKind::Settings,
            "the mount \"/konto\" is not a path",
        ),
        (
            |builder| {
                let wrong =
                    settings(|settings| settings.login_redirect_url = "//evil.example".to_owned());
                builder.accounts(|accounts| accounts.settings(wrong))
            },
            BuildErrorKind::Settings,
            "login_redirect_url",
        ),
        (
            |builder| builder.receivers(|signals| signals.disable_receiver("nobody")),
            BuildErrorKind::Signals,
            "nobody",
        ),
        (
            |builder| builder.receivers(|signals| signals.provide(1_u8).provide(2_u8)),
            BuildErrorKind::Signals,
            "u8",
        ),
        (
            |builder| {
                let builder = builder.receivers(|signals| signals.provide(1_u8));
                builder.receivers(|signals| signals.provide(2_u8))
            },
            BuildErrorKind::Signals,
            "u8",
        ),
        (
            |builder| {
                let builder = builder.receivers(|signals| signals.provide(1_u8));
                builder.signals(Signals::isolated())
            },
            BuildErrorKind::TwoDispatchers,
            ".receivers",
        ),
        (
            |builder| {
                let builder = builder.signals(Signals::isolated());
                builder.receivers(|signals| signals.timeout(Duration::from_secs(1)))
            },
            BuildErrorKind::TwoDispatchers,
            ".receivers",
        ),
        (
            |builder| {
                let builder = builder.receivers(|signals| signals.provide(1_u8));
                builder.accounts(|accounts| accounts.signals(Signals::isolated()))
            },
            BuildErrorKind::TwoDispatchers,
            ".signals",
        ),
        (
            |builder| builder.worker(std::convert::identity).without_worker(),
            BuildErrorKind::Worker,
            "without_worker",
        ),
        (
            |builder| {
                builder
                    .without_worker()
                    .worker(|_| WorkerOptions::default())
            },
            BuildErrorKind::Worker,
            "without_worker",
        ),
        (
            |_| {
                let database = Database::from(MemoryStore::new()).without_outbox();
                without_messages(PhoneAuth::builder(site(), key(), database))
                    .worker(std::convert::identity)
            },
            BuildErrorKind::Worker,
            "outbox",
        ),
        (
            |_| minimal(),
            BuildErrorKind::NoReceiver,
            "allow_unreceived",
        ),
    ];
    for (change, kind, word) in wrong {
        let refused = refusal(change(whole())).await;
        assert_eq!(refused.kind(), kind, "{word}");
        // What a `main` that returns the error prints is a sentence, with its cause, each once.
        let printed = format!("{refused:?}");
        assert!(printed.contains(word), "{printed}");
        assert!(!printed.contains("BuildError"), "{printed}");
        let sentence = refused.to_string();
        assert_eq!(printed.matches(&sentence).count(), 1, "{printed}");
    }
}

#[cfg(feature = "web")]
#[tokio::test]
async fn pages_that_cannot_be_made_are_refused() {
    let wrong: [(Change, &str); 4] = [
        (
            |builder| builder.web(|web| web.template("phone_auth/log_in.html", "x")),
            "phone_auth/login.html",
        ),
        (
            |builder| builder.web(|web| web.django_session_cookie("tea")),
            "share",
        ),
        (
            |builder| builder.web(|web| web.template("phone_auth/login.html", "{% block %}")),
            "login.html",
        ),
        (
            |_| {
                let site = SiteOrigin::parse("http://example.org").unwrap();
                let builder = without_messages(PhoneAuth::builder(site, key(), MemoryStore::new()));
                builder.web(|web| web.host_cookies(true))
            },
            "https://",
        ),
    ];
    for (change, word) in wrong {
        let refused = refusal(change(whole())).await;
        assert_eq!(refused.kind(), BuildErrorKind::Web, "{word}");
        assert!(format!("{refused:?}").contains(word), "{refused:?}");
    }
}

#[tokio::test]
async fn foreign_key_is_refused() {
    let store = MemoryStore::new();
    let keys: Vec<_> = (0..3).map(|_| key()).collect();
    let key = |number: usize| SecretKey::new(keys.get(number).unwrap().reveal()).unwrap();
    let with =
        |keyring: Keyring| without_messages(PhoneAuth::builder(site(), keyring, store.clone()));
    let builder = |number| with(key(number).into());
    let refused = async |number| refusal(builder(number)).await.kind();
    drop(builder(0).build().await.unwrap());
    drop(builder(0).build().await.unwrap());
    assert_eq!(refused(1).await, BuildErrorKind::ForeignKey);
    // Anyone who only looks changes nothing.
    drop(builder(1).danger_skip_key_check().build().await.unwrap());
    assert_eq!(refused(1).await, BuildErrorKind::ForeignKey);
    // A declared change of keys, node by node.
    let both = Keyring::new(key(1)).with_fallback(key(0));
    drop(with(both).build().await.unwrap());
    drop(builder(0).build().await.unwrap());
    drop(builder(1).build().await.unwrap());
    assert_eq!(refused(0).await, BuildErrorKind::ForeignKey);
    // All keys were lost.
    assert_eq!(refused(2).await, BuildErrorKind::ForeignKey);
    drop(builder(2).danger_replace_key().build().await.unwrap());
    drop(builder(2).build().await.unwrap());
    assert_eq!(refused(1).await, BuildErrorKind::ForeignKey);
}

#[cfg(feature = "web")]
#[tokio::test]
async fn refused_build_leaves_the_key_open() {
    let store = MemoryStore::new();
    let builder = || without_messages(PhoneAuth::builder(site(), key(), store.clone()));
    refusal(builder().web(|web| web.session_cookie_name("no name"))).await;
    refusal(builder().worker(std::convert::identity).without_worker()).await;
    // Another key is the first.
    drop(builder().build().await.unwrap());
}

#[tokio::test]
async fn missing_receivers_are_named() {
    let refused = refusal(minimal().allow_unreceived::<VerifyPhone>()).await;
    let missing = [
        "reset_password_email",
        "reset_password_phone",
        "verify_email",
    ];
    assert_eq!(refused.without_receiver(), missing);
}

#[tokio::test]
async fn unneeded_messages_need_no_receiver() {
    let settings = settings(|settings| settings.authentication_methods.phone = false);
    let dispatcher = Signals::isolated();
    let verified = dispatcher.connect(|_: &VerifyEmail| {});
    let builder = |settings: Settings| {
        minimal()
            .accounts(|accounts| accounts.settings(settings))
            .signals(dispatcher.clone())
    };
    let refused = refusal(builder(settings.clone())).await;
    assert_eq!(refused.without_receiver(), ["reset_password_email"]);
    let reset = dispatcher.connect(|_: &ResetPasswordEmail| {});
    // Where users have no phone numbers, nothing is sent to one.
    assert!(builder(settings).build().await.is_ok());
    drop((verified, reset));
}

#[cfg(feature = "sms-gateway")]
#[tokio::test]
async fn channel_that_nobody_sends_by_is_refused() {
    use Channel::{Sms, Voice, Whatsapp};
    use phone_auth::delivery::{Secret, sms_gateway};

    let gateway = || {
        let sender = sms_gateway::TwilioSender::From("+15005550006".to_owned());
        let account = sms_gateway::Twilio::new("AC0", Secret::new("x"), sender);
        sms_gateway::SmsGateway::twilio(site(), account)
            .build()
            .unwrap()
    };
    let builder = |channels: &[Channel]| {
        let settings = settings(|it| it.phone_channels = channels.to_vec());
        minimal()
            .accounts(|accounts| accounts.settings(settings))
            .allow_unreceived::<ResetPasswordEmail>()
            .allow_unreceived::<VerifyEmail>()
            .receivers(|signals| signals.provide(gateway()))
    };
    for (channels, unsent) in [
        (&[Sms][..], None),
        (&[Voice], Some("voice")),
        (&[Sms, Whatsapp], Some("whatsapp")),
        (&[Whatsapp, Voice, Sms], Some("whatsapp")),
    ] {
        let built = builder(channels).build().await;
        let Some(unsent) = unsent else {
            assert!(built.is_ok(), "{channels:?}");
            continue;
        };
        let refused = built.unwrap_err();
        assert_eq!(refused.kind(), BuildErrorKind::NoChannel, "{channels:?}");
        // A notice goes by the first of them.
        let mut signals = vec!["reset_password_phone", "verify_phone", "login_phone"];
        if channels.first() != Some(&Sms) {
            signals.push("security_notice_phone");
        }
        assert_eq!(refused.without_receiver(), signals, "{channels:?}");
        let said = refused.to_string();
        let told = [&format!("leave {unsent} out"), ".webhook(…)"];
        assert!(told.iter().all(|it| said.contains(*it)), "{said}");
    }
    // A message that may be lost may be offered by any.
    let one = builder(&[Sms, Voice]).allow_unreceived::<VerifyPhone>();
    assert_eq!(
        refusal(one).await.without_receiver(),
        ["reset_password_phone", "login_phone"]
    );
    // It confirms who users are, also where nobody signs in by code.
    let confirms = builder(&[Sms, Voice])
        .allow_unreceived::<VerifyPhone>()
        .allow_unreceived::<ResetPasswordPhone>();
    assert_eq!(refusal(confirms).await.without_receiver(), ["login_phone"]);
    let none = builder(&[Sms, Voice])
        .allow_unreceived::<VerifyPhone>()
        .allow_unreceived::<ResetPasswordPhone>()
        .allow_unreceived::<LoginPhone>();
    assert!(none.build().await.is_ok());
}

/// Of a receiver of the application it is not known what it sends.
#[tokio::test]
async fn own_receiver_may_send_by_any_channel() {
    let dispatcher = Signals::isolated();
    let own = [
        dispatcher.connect(|_: &VerifyPhone| {}),
        dispatcher.connect(|_: &ResetPasswordPhone| {}),
    ];
    let settings = settings(|it| it.phone_channels = vec![Channel::Voice]);
    let built = minimal()
        .accounts(|accounts| accounts.settings(settings))
        .allow_unreceived::<ResetPasswordEmail>()
        .allow_unreceived::<VerifyEmail>()
        .signals(dispatcher.clone())
        .build();
    assert!(built.await.is_ok());
    drop(own);
}

#[cfg(all(feature = "smtp", feature = "sms-gateway"))]
#[tokio::test]
async fn ready_receivers_are_receivers() {
    use phone_auth::delivery::{Secret, sms_gateway, smtp::Smtp};

    let smtp = || {
        Smtp::builder(site(), "mail.example", "a@b.example")
            .build()
            .unwrap()
    };
    let gateway = || {
        let sender = sms_gateway::TwilioSender::From("+15005550006".to_owned());
        let account = sms_gateway::Twilio::new("AC0", Secret::new("x"), sender);
        sms_gateway::SmsGateway::twilio(site(), account)
            .build()
            .unwrap()
    };
    let refused = refusal(minimal().smtp(smtp())).await;
    assert_eq!(
        refused.without_receiver(),
        ["reset_password_phone", "verify_phone"]
    );
    let auth = minimal()
        .smtp(smtp())
        .sms_gateway(gateway())
        .build()
        .await
        .unwrap();
    assert!(auth.signals().has_receiver::<VerifyPhone>());
    // The state makes the receiver, by whichever way it comes.
    let provided = minimal().receivers(|signals| signals.provide(smtp()).provide(gateway()));
    let auth = provided.build().await.unwrap();
    assert!(auth.signals().has_receiver::<VerifyPhone>());
    let refused = refusal(minimal().signals(Signals::isolated()).smtp(smtp())).await;
    assert_eq!(refused.kind(), BuildErrorKind::TwoDispatchers);
}

/// The webhook with the signals that it takes.
#[cfg(feature = "webhook")]
fn webhook(signals: &[&str]) -> phone_auth::delivery::webhook::Webhook {
    use phone_auth::delivery::Secret;
    use phone_auth::delivery::webhook::Webhook;
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    Webhook::builder(site(), "https://sender.example/", secret)
        .only(signals.iter().copied())
        .build()
        .unwrap()
}

#[cfg(feature = "webhook")]
#[tokio::test]
async fn receiver_that_leaves_a_signal_alone_is_none() {
    let alone = |hook| minimal().webhook(hook);
    let refused = alone(webhook(&["verify_phone", "verify_email"]));
    let text = refusal(refused).await.to_string();
    assert!(
        text.contains("reset_password_email") && text.contains("reset_password_phone"),
        "{text}"
    );
    assert!(!text.contains("verify"), "{text}");
    let without = alone(webhook(&["verify_phone", "verify_email"]))
        .allow_unreceived::<ResetPasswordEmail>()
        .allow_unreceived::<ResetPasswordPhone>();
    without.build().await.unwrap();
}

/// Accounts whose worker is delivering a message; its receiver comes to an end with this future.
async fn with_receiver_at_work<F>(ends: impl Fn() -> F + Send + Sync + 'static) -> PhoneAuth
where
    F: Future<Output = ()> + Send + 'static,
{
    with_receiver_at_work_on(Signals::isolated(), ends).await
}

/// The same with a dispatcher that has other receivers.
async fn with_receiver_at_work_on<F>(
    signals: Signals,
    ends: impl Fn() -> F + Send + Sync + 'static,
) -> PhoneAuth
where
    F: Future<Output = ()> + Send + 'static,
{
    let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    signals
        .connect_async(move |_: ResetPasswordEmail| {
            let (begin, ends) = (begin.clone(), ends());
            async move {
                begin.send(()).unwrap();
                ends.await;
            }
        })
        .forever();
    let auth = whole().signals(signals).build().await.unwrap();
    let mut form = phone_auth::core::accounts::SignUpForm {
        first_name: "Ann",
        last_name: "Lee",
        username: "ann",
        email: "ann@example.org",
        phone: "+91 98765 43210",
        password: phone_auth::core::password::Password::new("correct horse"),
        confirm_password: None,
    };
    form.confirm_password = Some(form.password.clone());
    auth.accounts().sign_up(form).await.unwrap();
    let asked = auth.accounts().request_password_reset("ann@example.org");
    asked.await.unwrap();
    at_work.recv().await.unwrap();
    auth
}

/// Ends so many seconds from now, or never.
async fn after(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

/// The server and the receivers have one patience, and what has not finished by then is told; an error of the server is given back.
#[tokio::test]
async fn server_and_receivers_have_one_patience() {
    for (server, receiver, is_served, is_received, expected) in [
        (Some(1), Some(1), true, true, 1),
        // Side by side.
        (Some(5), Some(10), true, true, 10),
        (Some(15), None, true, false, 20),
        (None, Some(1), false, true, 20),
        (None, None, false, false, 20),
    ] {
        let (go, gone) = tokio::sync::watch::channel(false);
        let auth = with_receiver_at_work(move || {
            let mut gone = gone.clone();
            async move {
                gone.wait_for(|gone| *gone).await.unwrap();
                after(receiver).await;
            }
        })
        .await;
        // From here on only the clock of the test goes on: when all wait.
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        go.send(true).unwrap();
        let serves = async move {
            after(server).await;
            Err::<(), _>("the port is gone")
        };
        let finished = auth.finish(serves, Duration::from_secs(20)).await;
        let case = format!("{server:?} {receiver:?}");
        assert_eq!(begun.elapsed().as_secs(), expected, "{case}");
        assert_eq!(finished.receivers, is_received, "{case}");
        assert_eq!(finished.is_whole(), is_served && is_received, "{case}");
        let outcome = is_served.then_some(Err("the port is gone"));
        assert_eq!(finished.server, outcome, "{case}");
        tokio::time::resume();
    }
}

/// The worker and the receivers in the background have one patience.
#[tokio::test]
async fn all_receivers_have_one_patience() {
    for (message, change, is_whole, expected) in [
        (Some(1), Some(1), true, 1),
        (Some(5), Some(10), true, 10),
        (Some(15), None, false, 20),
        (None, Some(1), false, 20),
        (None, None, false, 20),
    ] {
        let (go, gone) = tokio::sync::watch::channel(false);
        let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
        let background = gone.clone();
        let signals = Signals::isolated();
        signals
            .connect_async(move |_: UserSignedUp| {
                let (begin, mut gone) = (begin.clone(), background.clone());
                async move {
                    begin.send(()).unwrap();
                    gone.wait_for(|gone| *gone).await.unwrap();
                    after(change).await;
                }
            })
            .forever();
        let ends = move || {
            let mut gone = gone.clone();
            async move {
                gone.wait_for(|gone| *gone).await.unwrap();
                after(message).await;
            }
        };
        let auth = with_receiver_at_work_on(signals, ends).await;
        at_work.recv().await.unwrap();
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        go.send(true).unwrap();
        let has_stopped = auth.shut_down(Duration::from_secs(20)).await;
        let case = format!("{message:?} {change:?}");
        assert_eq!(begun.elapsed().as_secs(), expected, "{case}");
        assert_eq!(has_stopped, is_whole, "{case}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn second_shutdown_waits_again() {
    let (go, gone) = tokio::sync::watch::channel(false);
    let auth = with_receiver_at_work(move || {
        let mut gone = gone.clone();
        async move { drop(gone.wait_for(|gone| *gone).await.unwrap()) }
    })
    .await;
    for _ in 0..2 {
        assert!(!auth.shut_down(Duration::from_millis(5)).await);
    }
    assert!(!auth.clone().shut_down(Duration::from_millis(5)).await);
    go.send(true).unwrap();
    assert!(auth.shut_down(Duration::from_secs(30)).await);
    assert!(auth.shut_down(Duration::ZERO).await);
}

#[tokio::test]
async fn message_without_receiver_is_not_enqueued() {
    let auth = whole().build().await.unwrap();
    for login in ["ann@example.org", "+41446681800"] {
        let asked = auth.accounts().request_password_reset(login).await;
        assert!(asked.is_err(), "{login}");
    }
    let dispatcher = Signals::isolated();
    let _someone = dispatcher.connect(|_: &ResetPasswordEmail| {});
    let auth = whole().signals(dispatcher).build().await.unwrap();
    let asked = auth.accounts().request_password_reset("ann@example.org");
    asked.await.unwrap();
}

#[cfg(feature = "development")]
#[tokio::test]
async fn development_is_for_own_machine() {
    use std::num::NonZeroUsize;

    use phone_auth::delivery::development::{LinePrinter, Mailbox};

    for (origin, is_own) in [
        ("http://127.0.0.1:8000", true),
        ("https://app.localhost", true),
        ("https://example.org", false),
        ("http://localhost.example.org", false),
    ] {
        let site = SiteOrigin::parse(origin).unwrap();
        let mailbox = || Mailbox::new(site.clone(), NonZeroUsize::MIN);
        let lines = || LinePrinter::new(std::io::sink());
        let builder =
            || without_messages(PhoneAuth::builder(site.clone(), key(), MemoryStore::new()));
        let ways = [
            builder().development(mailbox(), lines()),
            builder().receivers(|signals| signals.provide(mailbox())),
            builder().receivers(|signals| signals.provide(lines())),
        ];
        for builder in ways {
            let refused = builder.build().await.err().map(|error| error.kind());
            let expected = (!is_own).then_some(BuildErrorKind::Development);
            assert_eq!(refused, expected, "{origin}");
        }
    }
}
