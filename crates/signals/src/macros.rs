//! The macros by example. They know `$crate` and hand it to the procedural macros, which cannot know it.

/// Declares signals, each with its documentation, its visibility, its name and the type of its event.
///
/// For each it makes a module of the signal's name. That is the type namespace alone: a function or a variable may bear
/// the name as well. In it are `Event`, the type, and `SIGNAL`, what is known of the signal; `#[receiver(name)]` finds
/// there what it needs. The event type becomes an [`Event`](crate::Event); it belongs to the declaring crate and to one
/// signal. Mark it `#[non_exhaustive]`, and a new field breaks nobody.
///
/// A signal is either awaited, with receivers of both kinds, or declared `sync`: then its receivers do not await, and
/// [`send_sync`](crate::Signals::send_sync) sends it from anywhere. No signal blocks a thread to wait for a future.
///
/// One that is declared `durable` is awaited, and may have receivers besides that no sending calls: the one who declares it keeps
/// each event for them, with what it tells of, and calls them by [`send_durable_to`](crate::Signals::send_durable_to) until
/// they have it.
///
/// # Examples
/// ```
/// use phone_auth_signals::signal;
///
/// signal! {
///     /// An order was placed.
///     pub order_placed: OrderPlaced;
///
///     /// A cell of the cache was thrown away.
///     pub(crate) sync evicted: Evicted;
/// }
///
/// pub struct OrderPlaced;
/// pub(crate) struct Evicted;
///
/// # fn main() {
/// assert_eq!(order_placed::SIGNAL.info().doc, "An order was placed.");
/// # }
/// ```
#[macro_export]
macro_rules! signal {
    ($($declarations:tt)*) => {
        $crate::__private::declare_signals! { ($crate) $($declarations)* }
    };
}

/// Links crates for the sake of their receivers.
///
/// A dependency that no code names is not linked, however it stands in `Cargo.toml`, so that its receivers are not
/// there. This names it; `use the_crate as _;` does the same. Write it in the program, and in each file under `tests/`
/// that is to have the receivers.
///
/// # Examples
/// ```standalone_crate
/// phone_auth_signals::link_receivers!(phone_auth_signals_fixture_unnamed);
///
/// # fn main() -> Result<(), phone_auth_signals::SetupError> {
/// let signals = phone_auth_signals::Signals::linked()?;
/// assert!(signals.has_receiver::<phone_auth_events::UserLoggedIn>());
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! link_receivers {
    ($($crate_name:path),+ $(,)?) => {
        $(
            #[allow(unused_imports, reason = "naming a crate is what links it")]
            use $crate_name as _;
        )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __receiver_awaited {
    ($($tokens:tt)*) => { $crate::__private::register_receiver! { ($crate) awaited $($tokens)* } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __receiver_durable {
    ($($tokens:tt)*) => { $crate::__private::register_receiver! { ($crate) durable $($tokens)* } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __receiver_sync {
    ($($tokens:tt)*) => { $crate::__private::register_receiver! { ($crate) sync $($tokens)* } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __version {
    () => {
        match ::core::option_env!("CARGO_PKG_VERSION") {
            $crate::__private::Some(version) => version,
            $crate::__private::None => "",
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __place {
    ($name:expr, $line:expr, $column:expr) => {
        $crate::Place::new(
            match ::core::option_env!("CARGO_PKG_NAME") {
                $crate::__private::Some(name) => name,
                $crate::__private::None => "",
            },
            ::core::module_path!(),
            $name,
            ::core::file!(),
            ($line, $column),
        )
    };
}
