//! The macros by example. They know `$crate` and hand it to the procedural macros, which cannot know it.

/// Declares signals.
#[macro_export]
macro_rules! signal {
    ($($declarations:tt)*) => {
        $crate::__private::declare_signals! { ($crate) $($declarations)* }
    };
}

/// Links crates whose receivers no code names.
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
macro_rules! __receiver_sync {
    ($($tokens:tt)*) => { $crate::__private::register_receiver! { ($crate) sync $($tokens)* } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __place {
    ($name:expr) => {
        $crate::Place::new(
            match ::core::option_env!("CARGO_PKG_NAME") {
                $crate::__private::Some(name) => name,
                $crate::__private::None => "",
            },
            ::core::module_path!(),
            $name,
            ::core::file!(),
            (::core::line!(), ::core::column!()),
        )
    };
}
