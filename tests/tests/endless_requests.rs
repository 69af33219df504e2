//! A stranger who asks for someone's message again and again, on both databases: every receiver of it gets one all the
//! same. The table of what receivers do is beside the outbox; here each step of a worker takes the time that it takes.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phone_auth::core::accounts::SignUpForm;
use phone_auth::core::limits::LimitSettings;
use phone_auth::core::password::Password;
use phone_auth::core::settings::Settings;
use phone_auth::signals::{
    ConnectOptions, ResetPasswordEmail, ResetPasswordPhone, VerifyEmail, VerifyPhone,
};
use phone_auth::{Database, PhoneAuth, SecretKey, Signals, SiteOrigin};
use phone_auth_tests::{Kind, OwnDatabase, User, until};

/// How often the stranger asks: thirteen times a second.
const EVERY: Duration = Duration::from_millis(77);

/// How long a receiver takes.
const TAKES: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_without_end_starve_no_receiver() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let dispatcher = Signals::isolated();
        let calls: Arc<[AtomicUsize; 3]> = Arc::default();
        let connect = |index: usize| {
            let calls = Arc::clone(&calls);
            let options = ConnectOptions::new().priority(-i32::try_from(index).unwrap_or_default());
            let receive = move |_: ResetPasswordEmail| {
                if let Some(calls) = calls.get(index) {
                    calls.fetch_add(1, Ordering::SeqCst);
                }
                async move {
                    tokio::time::sleep(TAKES).await;
                    // The one in the middle is called again and again.
                    (index != 1).then_some(()).ok_or("no route to host")
                }
            };
            let connected = dispatcher.connect_async_with(options, receive);
            connected.expect("its id is its own")
        };
        let _connections = [0, 1, 2].map(connect);
        let opened = Database::open(&database.url()).await.expect("it is there");
        let site = SiteOrigin::parse("https://example.org").expect("it is an origin");
        let key = SecretKey::generate().expect("the system has randomness");
        // More than any limit lets through.
        let mut settings = Settings::default();
        settings.limits = LimitSettings::danger_none();
        let auth = PhoneAuth::builder(site, key, opened)
            .accounts(|accounts| accounts.settings(settings))
            .allow_unreceived::<ResetPasswordPhone>()
            .allow_unreceived::<VerifyEmail>()
            .allow_unreceived::<VerifyPhone>()
            .signals(dispatcher)
            .build()
            .await
            .expect("all that is needed is given");
        let ann = User::new();
        let form = SignUpForm {
            first_name: "Ann",
            last_name: "Smith",
            username: &ann.username,
            email: &ann.email,
            phone: &ann.phone,
            password: Password::new(ann.password.clone()),
            confirm_password: Some(Password::new(ann.password.clone())),
        };
        auth.accounts().sign_up(form).await.expect("she is new");
        let asks = async {
            loop {
                let asked = auth.accounts().request_password_reset(&ann.email).await;
                asked.expect("it is answered");
                tokio::time::sleep(EVERY).await;
            }
        };
        let all_get_it = until("each receiver gets messages", || async {
            calls.iter().all(|calls| calls.load(Ordering::SeqCst) >= 2)
        });
        tokio::select! {
            () = all_get_it => {}
            never = asks => never,
        }
        auth.shut_down(Duration::from_secs(10)).await;
    }
}
