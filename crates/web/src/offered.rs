//! Which pages a site has, and what every template is told of them.

use std::collections::BTreeMap;

use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;

use crate::own_pages::OwnPages;
use crate::templates::Templates;

const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

/// Whether this site has a page. One has none for what its users do not have, and none to ask for a message that nobody
/// sends; links that are on their way are still answered.
pub(crate) fn is_offered(accounts: &Accounts, page: AccountPage) -> bool {
    match page {
        AccountPage::AddEmail => accounts.settings().has_addresses(AddressKind::Email),
        AccountPage::AddPhone => accounts.settings().has_addresses(AddressKind::Phone),
        AccountPage::PasswordReset | AccountPage::PasswordResetDone => offers_reset(accounts),
        AccountPage::CloseAccount | AccountPage::CloseAccountDone => {
            accounts.settings().close_account
        }
        AccountPage::ExportAccount => accounts.settings().export_account,
        AccountPage::ChangePassword | AccountPage::ChangePasswordDone => {
            !accounts.settings().sign_up_by_code
        }
        AccountPage::LoginCode | AccountPage::LoginCodeDone => offers(accounts, Purpose::LogIn),
        _ => true,
    }
}

/// Whether a reset can be asked for by any kind of address.
pub(crate) fn offers_reset(accounts: &Accounts) -> bool {
    offers(accounts, Purpose::ResetPassword)
}

/// Whether such a message can be asked for by any kind of address.
fn offers(accounts: &Accounts, purpose: Purpose) -> bool {
    let mut kinds = KINDS.into_iter();
    kinds.any(|kind| accounts.offers(purpose, kind))
}

/// What the page of the user's addresses is called, by what users have here.
pub(crate) fn addresses_title(accounts: &Accounts) -> &'static str {
    let has = |kind| accounts.settings().has_addresses(kind);
    match (has(AddressKind::Email), has(AddressKind::Phone)) {
        (true, true) => "Email and phone",
        (true, false) => "Email",
        (false, true) => "Phone",
        (false, false) => "Addresses",
    }
}

/// Tells every template where things are.
pub(crate) fn provide_addresses(
    templates: &mut Templates,
    accounts: &Accounts,
    own_pages: &OwnPages,
    stylesheet: &str,
    site_name: &str,
) {
    let routes = accounts.routes();
    let mut urls: BTreeMap<&str, &str> = AccountPage::ALL
        .into_iter()
        .filter(|page| !page.pattern().contains('{') && is_offered(accounts, *page))
        .map(|page| (page.name(), routes.page(page)))
        .collect();
    urls.extend(own_pages.all().map(|(page, path)| (page.name(), path)));
    let settings = accounts.settings();
    templates.provide("urls", urls);
    let by_kind = |is: &dyn Fn(AddressKind) -> bool| {
        BTreeMap::from([
            ("email", is(AddressKind::Email)),
            ("phone", is(AddressKind::Phone)),
        ])
    };
    templates.provide(
        "has_addresses",
        by_kind(&|kind| settings.has_addresses(kind)),
    );
    templates.provide(
        "verifies",
        by_kind(&|kind| accounts.offers(Purpose::Verify, kind)),
    );
    templates.provide("addresses_title", addresses_title(accounts));
    templates.provide("site", BTreeMap::from([("name", site_name)]));
    templates.provide("stylesheet", stylesheet);
    templates.provide("login_redirect_url", settings.login_redirect_url.as_str());
    templates.provide("logout_redirect_url", settings.logout_redirect_url.as_str());
}
