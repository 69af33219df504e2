//! Writes the event types: each is the same three things, a struct, its derives and a `new` in the order of the fields.

macro_rules! event_struct {
    (
        $(#[$doc:meta])*
        pub struct $name:ident in an envelope { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)+
            /// What goes with the message.
            #[serde(flatten)]
            pub envelope: crate::Envelope,
        }

        impl $name {
            /// The event with these values, in an empty envelope.
            pub fn new($($field: $ty),+) -> Self {
                Self { $($field,)+ envelope: crate::Envelope::default() }
            }

            /// The event in this envelope.
            #[must_use]
            pub fn with_envelope(mut self, envelope: crate::Envelope) -> Self {
                self.envelope = envelope;
                self
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub struct $name:ident of a client, durable { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)+
            /// Whose request it was; none where that is not known, as at the command line, and none for a durable receiver:
            /// an address does not wait in the database.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub client: Option<crate::EventClient>,
            /// For a durable receiver, the same at each attempt to tell it of this event, and at no other event; none for the
            /// others, which are told once.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub key: Option<String>,
        }

        impl $name {
            /// The event with these values, of a client that is not known.
            pub fn new($($field: $ty),+) -> Self {
                Self { $($field,)+ client: None, key: None }
            }

            /// The event with this key.
            #[must_use]
            pub fn with_key(mut self, key: impl Into<String>) -> Self {
                self.key = Some(key.into());
                self
            }
        }

        impl crate::Happened for $name {
            fn of(mut self, client: Option<crate::EventClient>) -> Self {
                self.client = client;
                self
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub struct $name:ident of a client { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)+
            /// Whose request it was; none where that is not known, as at the command line.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub client: Option<crate::EventClient>,
        }

        impl $name {
            /// The event with these values, of a client that is not known.
            pub fn new($($field: $ty),+) -> Self {
                Self { $($field,)+ client: None }
            }
        }

        impl crate::Happened for $name {
            fn of(mut self, client: Option<crate::EventClient>) -> Self {
                self.client = client;
                self
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)+
        }

        impl $name {
            /// The event with these values.
            pub fn new($($field: $ty),+) -> Self {
                Self { $($field),+ }
            }
        }
    };
}
pub(crate) use event_struct;
