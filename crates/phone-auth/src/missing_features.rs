//! What the compiler says to anyone who calls a method that stands behind a feature which is not turned on: which one.
//!
//! Without this it would say that there is no such method, and show one of a similar name. Each method stands here once
//! more, for builds without the feature, and asks for a trait that nothing implements. Of modules the compiler says it by
//! itself; see `say_feature` in `lib.rs`.

/// A feature, the trait that stands for it, what is said where it is asked for, and the methods of the builder that need it.
///
/// They ask it of `&'a Self` for every `'a`: a bound on a type without parameters would be an error here, and not where the
/// method is called.
macro_rules! missing_feature {
    ($feature:literal, $name:ident, $method:ident($($argument:ident),+), $message:literal, $note:literal) => {
        #[cfg(not(feature = $feature))]
        #[diagnostic::on_unimplemented(
            message = $message,
            label = "the feature is not turned on",
            note = $note
        )]
        #[expect(unnameable_types, reason = "nothing implements it, so nobody has to name it")]
        pub trait $name {}

        #[cfg(not(feature = $feature))]
        impl crate::PhoneAuthBuilder {
            #[doc(hidden)]
            pub fn $method<$($argument),+>(self, $(_: $argument),+) -> Self
            where
                for<'a> &'a Self: $name,
            {
                self
            }
        }
    };
}

missing_feature!(
    "web",
    Web,
    web(A),
    "`web` and `router` need the feature `web` of phone-auth",
    "turn it on in Cargo.toml: `phone-auth = {{ …, features = [\"web\"] }}`"
);
missing_feature!(
    "smtp",
    Smtp,
    smtp(A),
    "`smtp` needs the feature `smtp` of phone-auth",
    "turn it on in Cargo.toml: `phone-auth = {{ …, features = [\"smtp\"] }}`"
);
missing_feature!(
    "sms-gateway",
    SmsGateway,
    sms_gateway(A),
    "`sms_gateway` needs the feature `sms-gateway` of phone-auth",
    "turn it on in Cargo.toml: `phone-auth = {{ …, features = [\"sms-gateway\"] }}`"
);
missing_feature!(
    "webhook",
    Webhook,
    webhook(A),
    "`webhook` needs the feature `webhook` of phone-auth",
    "turn it on in Cargo.toml: `phone-auth = {{ …, features = [\"webhook\"] }}`"
);
missing_feature!(
    "nats",
    Nats,
    nats(A),
    "`nats` needs the feature `nats` of phone-auth",
    "turn it on in Cargo.toml: `phone-auth = {{ …, features = [\"nats\"] }}`"
);
missing_feature!(
    "development",
    Development,
    development(A, B),
    "`development` needs the feature `development` of phone-auth",
    "turn it on in Cargo.toml: `phone-auth = {{ …, features = [\"development\"] }}`"
);

#[cfg(not(feature = "web"))]
impl crate::PhoneAuth {
    #[doc(hidden)]
    pub fn router<R: Default>(&self) -> R
    where
        for<'a> &'a Self: Web,
    {
        R::default()
    }

    #[doc(hidden)]
    pub fn web(&self) -> &Self
    where
        for<'a> &'a Self: Web,
    {
        self
    }
}

/// What `Database::open` asks for: one of two features.
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
#[diagnostic::on_unimplemented(
    message = "`open` needs the feature `sqlite` or `postgres` of phone-auth",
    label = "neither feature is turned on",
    note = "turn one on in Cargo.toml: `phone-auth = {{ …, features = [\"sqlite\"] }}`"
)]
#[expect(
    unnameable_types,
    reason = "nothing implements it, so nobody has to name it"
)]
pub trait SqliteOrPostgres {}

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
impl crate::Database {
    #[doc(hidden)]
    pub fn open(_name: &str) -> std::future::Ready<Result<Self, crate::BuildError>>
    where
        for<'a> &'a Self: SqliteOrPostgres,
    {
        let refused = crate::BuildError::new(crate::BuildErrorKind::Database);
        std::future::ready(Err(refused))
    }
}
