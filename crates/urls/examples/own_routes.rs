//! A shop that names its own pages and mounts those of accounts beside them.
//!
//! Run it with `cargo run -p phone-auth-urls --example own_routes`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use phone_auth_urls::{Routes, SiteOrigin, local_path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let routes = Routes::builder()
        .accounts("/accounts/")
        .route("home", "/")
        .route("order", "/orders/{id}/")
        .build()?;

    // By name, as a template asks for it.
    let order = routes.reverse("order", &[("id", "7 of 9")])?;
    println!("path:  {}", order.as_str());

    // A link for a message: the site comes from the configuration.
    let site = SiteOrigin::parse("https://shop.example")?;
    println!("link:  {}", order.absolute(&site));

    // Back to the name.
    if let Some(resolved) = routes.resolve(order.as_str()) {
        println!(
            "route: {} with id {:?}",
            resolved.name(),
            resolved.param("id")
        );
    }

    // Where to go after the log-in: only paths on this site.
    for next in ["/orders/7/", "//evil.example", "/\\evil.example"] {
        println!("next:  {next:<16} -> {:?}", local_path(next));
    }
    Ok(())
}
