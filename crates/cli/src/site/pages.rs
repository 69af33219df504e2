//! What the settings say of the pages, and which setting is wrong where they cannot be shown.

use phone_auth::web::{
    CookieOptions, TemplateNote, TrustedProxies, Web, WebBuildError, WebBuildErrorKind, WebBuilder,
};

use crate::configuration::{Configuration, ServerSettings};
use crate::exit::Failure;
use crate::site::mailbox_page;
use crate::terminal::visible::Visible;

/// What the cookies are to be like.
pub(crate) fn cookies(configuration: &Configuration) -> CookieOptions {
    let (site, django) = (&configuration.site, &configuration.django);
    let mut cookies = CookieOptions::default();
    cookies.host_prefix = site.host_cookies;
    if django.sessions {
        cookies.django_session_name = Some(django.session_cookie_name.clone());
        let domain = &django.session_cookie_domain;
        cookies.django_session_domain.clone_from(domain);
    } else {
        cookies.session_name = Some(site.session_cookie_name.clone());
    }
    cookies
}

/// Whose word about a client is taken.
pub(crate) fn trusted_proxies(server: &ServerSettings) -> TrustedProxies {
    TrustedProxies::new(
        server.trusted_proxies.iter().copied(),
        server.client_address_header,
    )
}

/// What the pages are like.
pub(crate) fn described(
    configuration: &Configuration,
) -> impl FnOnce(WebBuilder) -> WebBuilder + Send + 'static {
    let (site, cookies) = (configuration.site.clone(), cookies(configuration));
    let proxies = trusted_proxies(&configuration.server);
    move |web| {
        let (name, source) = mailbox_page::TEMPLATE;
        let mut web = web
            .template(name, source)
            .cookies(cookies)
            .trusted_proxies(proxies);
        let origins = site.trusted_origins.into_iter();
        web = origins.fold(web, WebBuilder::trusted_origin);
        if let Some(folder) = site.templates {
            web = web.templates_from(folder);
        }
        if let Some(name) = site.name {
            web = web.site_name(name);
        }
        web
    }
}

/// Which setting is wrong, and what would be right.
pub(crate) fn wrong(configuration: &Configuration, error: WebBuildError) -> Failure {
    let is_shared = configuration.django.sessions;
    let (setting, right) = match error.kind() {
        WebBuildErrorKind::HostCookiesNeedHttps => (
            "host_cookies",
            "left out or false, unless site_url begins with https://",
        ),
        WebBuildErrorKind::HostCookiesBesideDjango => (
            "host_cookies",
            "left out or false while django_sessions is true",
        ),
        WebBuildErrorKind::CookieName if is_shared => ("django_session_cookie_name", NAME),
        WebBuildErrorKind::CookieName => ("session_cookie_name", NAME),
        WebBuildErrorKind::CookieDomain => (
            "django_session_cookie_domain",
            "a domain that the host of site_url is in, or left out",
        ),
        _ => ("templates", "a folder of templates that can be used"),
    };
    Failure::wrong_at(setting, configuration.sources.of(setting), right, error)
}

/// What of the folder of templates no page would show.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn notes(configuration: &Configuration) -> Result<Vec<String>, Failure> {
    let Some(folder) = &configuration.site.templates else {
        return Ok(Vec::new());
    };
    let (name, source) = mailbox_page::TEMPLATE;
    let notes = Web::template_notes(folder, &[(name, source)]);
    let notes = notes.map_err(|error| wrong(configuration, error))?;
    let at = configuration.sources.of("templates");
    let said = |note: &TemplateNote| Visible(&format!("templates ({at}): {note}")).to_string();
    Ok(notes.iter().map(said).collect())
}

/// What the name of the session cookie must be.
const NAME: &str = "the name of a cookie, such as sessionid";
