//! What a dispatcher hears of links that are followed.

use phone_auth_events::{LinkFollowed, Signals};
use phone_auth_urls::{AccountPage, AccountRoutes, RouteError};

#[test]
fn each_link_is_told_once() -> Result<(), RouteError> {
    let signals = Signals::isolated();
    let mut followed = signals.capture::<LinkFollowed>();
    let routes = AccountRoutes::new("/accounts/")?;
    for page in AccountPage::ALL {
        routes.followed(&signals, page);
        let names: Vec<String> = followed
            .take()
            .into_iter()
            .map(|event| event.name)
            .collect();
        assert_eq!(names, [page.name()]);
    }
    Ok(())
}

#[test]
fn nothing_else_is_told() -> Result<(), Box<dyn std::error::Error>> {
    let signals = Signals::isolated();
    let mut followed = signals.capture::<LinkFollowed>();
    let routes = AccountRoutes::new("/accounts/")?;
    let url = routes.password_reset_confirm(1, "t-0a")?;
    assert!(routes.routes().resolve(url.as_str()).is_some());
    assert!(followed.take().is_empty());
    Ok(())
}

#[test]
fn failing_receivers_change_nothing() -> Result<(), RouteError> {
    let signals = Signals::isolated();
    let _panicking = signals.connect(|event: &LinkFollowed| {
        assert_eq!(event.name, "nothing", "a receiver that panics");
    });
    let _failing = signals.connect(|_: &LinkFollowed| Err("no disk"));
    let mut followed = signals.capture::<LinkFollowed>();
    AccountRoutes::new("/")?.followed(&signals, AccountPage::PasswordResetConfirm);
    assert_eq!(followed.take().len(), 1);
    Ok(())
}
