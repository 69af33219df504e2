//! Hashes that Django made: they match, and a log-in replaces them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phone_auth_core::accounts::{Accounts, FlowError, LogInRefusal};
use phone_auth_core::address::Losses;
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{
    Argon2Hasher, EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::UserStore;
use phone_auth_core::user::{NewUser, User, UserId};
use phone_auth_django::DjangoHashes;
use phone_auth_events::Signals;
use phone_auth_store_testkit::MemoryStore;
use phone_auth_tokens::{Keyring, SecretKey};
use serde_json::Value;

/// The password of every hash in [`LEGACY`].
const SECRET: &str = "S3cret-pass!9";

/// One hash of each kind, made by Django 5.2.
const LEGACY: [&str; 6] = [
    "pbkdf2_sha256$1000$0123456789abcdefghijkl$y+3upc4pRuQ85pvLeXsMMz9pztFaS554MuGjfa9wfUw=",
    "pbkdf2_sha1$1000$0123456789abcdefghijkl$Y91PBXEjz9sWjft1p2ua/sdH4so=",
    "scrypt$16384$0123456789abcdefghijkl$8$1$MiR+6a/v/X1+s89mdu/Ob1j/JT55v+ltmgdfcCCXVUFdFC0mlO0lgvf6h81iJE6kXDPk4/jo0UEvChzRlAFAfw==",
    "bcrypt$$2b$04$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
    "argon2$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$X8Bt7kothtMC1iGQcJE830rekyLLva2apkp2adF+MMI",
    "argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$WQisPTmd9Wk/naxWEMPUY172lvTVsxXBY1D9RGEQyc4",
];

/// A password with accents, as Django hashes it from a keyboard that composes them.
const COMPOSED: &str =
    "pbkdf2_sha256$1000$0123456789abcdefghijkl$yuvMOkMZIMIYT5aV1MTkeeq9z071WPAhqtoKTuB6Pr8=";
/// The same from one that does not.
const DECOMPOSED: &str =
    "pbkdf2_sha256$1000$0123456789abcdefghijkl$/CFoiSH8DohJpKRVWPJoRmVyWM+sT3rbtcWWH6+sfms=";

/// Another password.
const HORSE: &str = "correct horse";
/// And one more.
const STAPLE: &str = "battery staple";

/// Checks what Django hashed too.
fn hasher() -> Argon2Hasher {
    Argon2Hasher::new().with_legacy_hashes(DjangoHashes::new())
}

/// Flows over a store in memory, with this hasher.
fn accounts(
    store: &MemoryStore,
    clock: &ManualClock,
    hasher: impl PasswordHasher + 'static,
) -> Accounts {
    let keyring = Keyring::new(SecretKey::generate().unwrap());
    Accounts::builder(Arc::new(store.clone()), keyring)
        .signals(Signals::isolated())
        .clock(clock.clone())
        .hasher(hasher)
        .build()
        .unwrap()
}

/// Accounts, and what is around them.
struct Kit {
    accounts: Accounts,
    store: MemoryStore,
    clock: ManualClock,
}

impl Kit {
    fn new() -> Self {
        let (store, clock) = (MemoryStore::new(), ManualClock::starting_now());
        let accounts = accounts(&store, &clock, hasher());
        Self {
            accounts,
            store,
            clock,
        }
    }

    /// Stores Olga past the flows, as Django would.
    async fn store_olga(&self, password: &str) -> User {
        let new = NewUser {
            username: "olga".to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            password: EncodedPassword::new(password),
            email: None,
            phone: None,
            date_joined: self.clock.now(),
            notices: Notices::default(),
            closes_at: None,
        };
        self.store.create_user(&new).await.unwrap()
    }

    async fn log_in(&self, password: &str) {
        self.clock.advance(Duration::from_secs(1));
        let password = Password::new(password);
        let logged_in = self.accounts.log_in("olga", &password, None);
        drop(logged_in.await.unwrap());
    }

    /// Olga's password as it is stored now.
    async fn stored(&self, user: &User) -> EncodedPassword {
        let stored = self.store.user(user.id).await.unwrap();
        stored.unwrap().password
    }
}

/// The vectors of Django, or those that the environment names.
fn vectors() -> Value {
    let path = std::env::var_os("PHONE_AUTH_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/django-vectors.json"),
        PathBuf::from,
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn verify(hasher: &Argon2Hasher, password: &str, encoded: &str) -> Verdict {
    let password = Password::new(password);
    let encoded = EncodedPassword::new(encoded);
    hasher
        .verify(&password, &encoded, &Requester::operator())
        .await
        .unwrap()
}

#[tokio::test]
async fn djangos_vectors_hold() {
    let vectors = vectors();
    let cases = vectors.get("password_hash").unwrap().as_array().unwrap();
    assert!(!cases.is_empty());
    let hasher = hasher();
    let with_md5 = DjangoHashes::new().danger_accept_md5();
    let with_md5 = Argon2Hasher::new().with_legacy_hashes(with_md5);
    for case in cases {
        let text = |name: &str| case.get(name).and_then(Value::as_str).unwrap();
        let encoded = text("encoded");
        let is_md5 = encoded.starts_with("md5$");
        let must_accept = case.get("must_accept").unwrap() == true;
        let is_white = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
        let stripped = text("password").trim_matches(is_white);
        let asked = verify(&with_md5, text("password"), encoded).await;
        let expected = if !must_accept {
            Verdict::NoMatch
        } else if stripped != text("password")
            && verify(&hasher, stripped, encoded).await == Verdict::MatchOutdated
        {
            // It is the hash of what django-phone-auth stripped. Whether the white space belongs to the password cannot
            // be told, so the hash stays.
            Verdict::Match
        } else {
            Verdict::MatchOutdated
        };
        if is_md5 {
            assert_eq!(
                asked == Verdict::MatchOutdated,
                case.get("django_verifies").unwrap() == true
            );
        } else {
            assert_eq!(asked, expected, "{}", text("id"));
        }
        let unasked = verify(&hasher, text("password"), encoded).await;
        assert_eq!(unasked, expected, "{}", text("id"));
    }
}

#[tokio::test]
async fn every_kind_is_outdated() {
    let hasher = hasher();
    for encoded in LEGACY {
        for (password, verdict) in [
            (SECRET, Verdict::MatchOutdated),
            // django-phone-auth stripped at sign-up and log-in.
            (" S3cret-pass!9\t", Verdict::Match),
            ("s3cret-pass!9", Verdict::NoMatch),
            ("", Verdict::NoMatch),
            (" ", Verdict::NoMatch),
            (encoded, Verdict::NoMatch),
        ] {
            assert_eq!(
                verify(&hasher, password, encoded).await,
                verdict,
                "{encoded} {password:?}"
            );
        }
    }
}

#[tokio::test]
async fn other_spellings_never_match() {
    let hasher = hasher();
    for encoded in LEGACY {
        let shorter = encoded.get(..encoded.len() - 1).unwrap();
        for other in [
            format!("{encoded} "),
            format!(" {encoded}"),
            format!("{encoded}="),
            format!("{encoded}$"),
            format!("!{encoded}"),
            encoded.replacen('$', "$$", 1),
            encoded.to_uppercase(),
            shorter.to_owned(),
        ] {
            assert_eq!(
                verify(&hasher, SECRET, &other).await,
                Verdict::NoMatch,
                "{other}"
            );
        }
    }
}

#[tokio::test]
async fn blank_text_is_not_stripped_to_nothing() {
    // The hash of the empty password, which the pages do not take.
    let encoded =
        "pbkdf2_sha256$1000$0123456789abcdefghijkl$OxumLQU26rWwJEKor7V/sqEXu+ZrE9gr31sMqh7k9C4=";
    let hasher = hasher();
    assert_eq!(verify(&hasher, "  ", encoded).await, Verdict::NoMatch);
}

#[tokio::test]
async fn bombs_cost_one_hash() {
    let hasher =
        Argon2Hasher::with_limits(NonZeroUsize::MIN, 8).with_legacy_hashes(DjangoHashes::new());
    let password = Password::new(HORSE);
    hasher
        .verify_nothing(&password, &Requester::operator())
        .await
        .unwrap();
    let began = Instant::now();
    for _ in 0..10 {
        hasher
            .verify_nothing(&password, &Requester::operator())
            .await
            .unwrap();
    }
    // Wide enough for a busy machine, and far below what any of these asks for.
    let bound = began.elapsed() + Duration::from_secs(2);
    for encoded in [
        "pbkdf2_sha256$4294967295$salt$Iw9uUpJ8wkEJJjGR3rcONsswOtuGX7TZe8GsNaKCO3I=",
        "pbkdf2_sha1$4294967295$salt$Y91PBXEjz9sWjft1p2ua/sdH4so=",
        "scrypt$1073741824$salt$8$16$D5fXjmiqEoDPQhVtoOVSCfJ7KFD5A4TX",
        "bcrypt$$2b$31$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
        "bcrypt_sha256$$2b$24$abcdefghijklmnopqrstuuzSFIFi25pAlT0E1HyO7ClVA4.0Tt1eW",
    ] {
        let began = Instant::now();
        assert_eq!(verify(&hasher, HORSE, encoded).await, Verdict::NoMatch);
        assert!(began.elapsed() < bound, "{encoded}");
    }
}

#[tokio::test]
async fn cheap_hashes_are_not_quicker() {
    let hasher =
        Argon2Hasher::with_limits(NonZeroUsize::MIN, 8).with_legacy_hashes(DjangoHashes::new());
    let password = Password::new(HORSE);
    let cheap =
        EncodedPassword::new("pbkdf2_sha256$1$s$Iw9uUpJ8wkEJJjGR3rcONsswOtuGX7TZe8GsNaKCO3I=");
    let mut best = [Duration::MAX; 2];
    for _ in 0..7 {
        let began = Instant::now();
        hasher
            .verify_nothing(&password, &Requester::operator())
            .await
            .unwrap();
        let nothing = began.elapsed();
        let began = Instant::now();
        let _ = hasher
            .verify(&password, &cheap, &Requester::operator())
            .await
            .unwrap();
        best = [best[0].min(nothing), best[1].min(began.elapsed())];
    }
    // Without the hash on top it is a thousand times quicker.
    assert!(best[1] * 4 > best[0], "{best:?}");
}

#[tokio::test]
async fn log_in_replaces_every_kind() {
    for encoded in LEGACY {
        let kit = Kit::new();
        let user = kit.store_olga(encoded).await;
        let wrong = Password::new(HORSE);
        let refused = kit.accounts.log_in("olga", &wrong, None).await;
        assert!(matches!(
            refused,
            Err(FlowError::Refused(LogInRefusal::InvalidCredentials))
        ));
        assert_eq!(kit.stored(&user).await.reveal(), encoded);

        kit.log_in(SECRET).await;
        let upgraded = kit.stored(&user).await;
        assert!(
            upgraded
                .reveal()
                .starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$")
        );
        assert_ne!(upgraded.reveal(), encoded);

        // Once is enough, and the password is the same.
        kit.log_in(SECRET).await;
        assert_eq!(kit.stored(&user).await, upgraded);
        let refused = kit.accounts.log_in("olga", &wrong, None).await;
        assert!(refused.is_err());
    }
}

/// Hashes as usual; a reset comes to an end just before each new hash is made.
struct ResetMeanwhile {
    inner: Argon2Hasher,
    store: MemoryStore,
    user: UserId,
    old: EncodedPassword,
    new: EncodedPassword,
}

#[async_trait::async_trait]
impl PasswordHasher for ResetMeanwhile {
    async fn hash(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<EncodedPassword, HashError> {
        let replacement = PasswordReplacement {
            user: self.user,
            old: self.old.clone(),
            new: self.new.clone(),
            last_login: None,
            link: None,
            keeps: None,
            notices: Notices::default(),
            losses: Losses::default(),
            names: None,
        };
        let _ = self.store.replace_password(&replacement).await.unwrap();
        self.inner.hash(password, requester).await
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        self.inner.verify(password, encoded, requester).await
    }

    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), HashError> {
        self.inner.verify_nothing(password, requester).await
    }
}

#[tokio::test]
async fn reset_meanwhile_is_not_undone() {
    for encoded in LEGACY {
        let kit = Kit::new();
        let user = kit.store_olga(encoded).await;
        let operator = Requester::operator();
        let new = hasher().hash(&Password::new(STAPLE), &operator).await;
        let new = new.unwrap();
        let hasher = ResetMeanwhile {
            inner: hasher(),
            store: kit.store.clone(),
            user: user.id,
            old: EncodedPassword::new(encoded),
            new: new.clone(),
        };
        let accounts = accounts(&kit.store, &kit.clock, hasher);
        let old = Password::new(SECRET);
        let refused = accounts.log_in("olga", &old, None).await;
        assert!(matches!(
            refused,
            Err(FlowError::Refused(LogInRefusal::InvalidCredentials))
        ));
        assert_eq!(kit.stored(&user).await, new);
        assert!(
            accounts
                .log_in("olga", &Password::new(STAPLE), None)
                .await
                .is_ok()
        );
    }
}

/// Olga set her password in Django with a keyboard that composes, and logs in with one that does not; or both with the
/// latter. Afterwards either keyboard will do.
#[tokio::test]
async fn accents_of_another_keyboard_log_in() {
    let (composed, decomposed) = (
        "p\u{e4}ssw\u{f6}rd-密码-🔑",
        "pa\u{308}sswo\u{308}rd-密码-🔑",
    );
    for encoded in [COMPOSED, DECOMPOSED] {
        let kit = Kit::new();
        let olga = kit.store_olga(encoded).await;
        kit.log_in(decomposed).await;
        assert_ne!(kit.stored(&olga).await.reveal(), encoded);
        kit.log_in(composed).await;
        kit.log_in(decomposed).await;
    }
}
