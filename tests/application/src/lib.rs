//! A tea house: anyone who has joined and verified an email address orders tea.
//!
//! [`tea_house`] is what `main` and the tests have in common.

mod entrance;
mod favourites;
mod orders;
mod pages;
mod post;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use phone_auth::core::form::Field;
use phone_auth::web::Web;
use phone_auth::{BuildError, PhoneAuth, PhoneAuthBuilder, Settings};

pub use crate::orders::{BoxError, Orders};
pub use crate::post::Post;

/// What the handlers share.
#[derive(Clone)]
struct App {
    web: Web,
    orders: Orders,
}

impl FromRef<App> for Web {
    fn from_ref(app: &App) -> Self {
        app.web.clone()
    }
}

/// The accounts and the pages of the tea house.
///
/// # Errors
/// When the accounts cannot be put together.
pub async fn tea_house(
    builder: PhoneAuthBuilder,
    orders: Orders,
    post: Arc<dyn Post>,
) -> Result<(PhoneAuth, Router), BuildError> {
    let mut settings = Settings::default();
    settings.authentication_methods.phone = false;
    settings.authentication_methods.username = false;
    settings.register_username_required = false;
    settings.register_phone_required = false;
    settings.register_lname_required = false;
    settings.register_confirm_password_required = false;
    settings.hidden_sign_up_fields = vec![Field::LastName, Field::Phone];
    settings.login_redirect_url = "/orders/".into();
    let auth = builder
        .mount("/konto/")
        .accounts(|accounts| accounts.settings(settings))
        .web(|web| {
            let web = web.site_name("Tea house").sign_up_at("/join/");
            web.log_in_at("/enter/")
        })
        .receivers(|receivers| {
            let receivers = receivers.provide(post);
            receivers.provide(orders.clone())
        })
        .build()
        .await?;
    let web = auth.web().clone();
    let router = Router::new()
        .route("/", get("Tea for everybody who joins at /join/"))
        .route("/enter/", get(entrance::enter).post(entrance::entered))
        .route("/join/", get(pages::join).post(pages::joined))
        .route("/orders/", get(pages::orders).post(pages::order))
        .with_state(App { web, orders })
        .merge(auth.router())
        .layer(auth.web().layer());
    Ok((auth, router))
}

/// The chapters of the guide that are about applications, so that their examples are compiled and run.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../../docs/guide/application.md")]
    mod application {}
    #[doc = include_str!("../../../docs/guide/testing.md")]
    mod testing {}
    #[doc = include_str!("../../../docs/guide/without-the-web.md")]
    mod without_the_web {}
    #[doc = include_str!("../../../docs/guide/another-store.md")]
    mod another_store {}
    #[doc = include_str!("../../../docs/guide/phone.md")]
    mod phone {}
    #[doc = include_str!("../../../docs/guide/production.md")]
    mod production {}
}
