//! What messages are like: where their links lead, and what they say.

use phone_auth_events::CarriesTo;
use phone_auth_urls::AccountRoutes;

use super::AccountsBuilder;

impl AccountsBuilder {
    /// Where links lead; else under `/accounts/`.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_urls::{AccountPage, AccountRoutes};
    ///
    #[doc = include_str!("../example_builder.txt")]
    /// let accounts = builder.routes(AccountRoutes::new("/members/")?).build()?;
    /// assert_eq!(accounts.routes().page(AccountPage::Login), "/members/login/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn routes(mut self, routes: AccountRoutes) -> Self {
        self.routes = Some(routes);
        self
    }

    /// What messages to phone numbers [say](crate::settings::Settings::phone_carries), whatever the settings say: for who knows their sender.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// use phone_auth_events::{Carries, CarriesTo};
    ///
    #[doc = include_str!("../example_builder.txt")]
    /// let accounts = builder.phone_carries(CarriesTo::all(Carries::Code)).build()?;
    /// assert_eq!(accounts.settings().carries(AddressKind::Phone, "+12125552368"), Carries::Code);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn phone_carries(mut self, carries: CarriesTo) -> Self {
        self.settings.phone_carries = carries;
        self
    }
}
