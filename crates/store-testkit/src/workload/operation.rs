//! Which operations there are to measure; what they do is in `mod.rs`.

/// Declares the operations with their names and whether they write.
macro_rules! operations {
    ($($area:ident { $($operation:ident $name:literal $writes:literal,)* })*) => {
        /// An operation of the port that a flow uses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[doc = $name] $operation,)*)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Self] = &[$($(Self::$operation,)*)*];

            /// What it does, in a few words.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$operation => $name,)*)* }
            }

            /// Whether it is done when it has been committed.
            pub const fn writes(self) -> bool {
                match self { $($(Self::$operation => $writes,)*)* }
            }

            pub(super) const fn area(self) -> Area {
                match self { $($(Self::$operation => Area::$area,)*)* }
            }
        }
    };
}

/// What an operation is about.
pub(super) enum Area {
    Users,
    Addresses,
    Sessions,
    Outbox,
    Django,
}

operations! {
    Users {
        CreateUser "a sign-up" true,
        TakenNames "whether names are taken" false,
        FindUser "a name in every reading" false,
        User "a user by id" false,
        ReplacePassword "a change of password" true,
    }
    Addresses {
        AddAddress "an address added" true,
        AddressesOf "the addresses of a user" false,
        Address "an address with its user" false,
        VerifyAddress "an address verified" true,
    }
    Sessions {
        LogIn "a log-in" true,
        Session "a session with its user" false,
        EndSession "a log-out" true,
        RemoveExpired "an expired session removed" true,
    }
    Outbox {
        EnqueueMessage "a message enqueued" true,
        ClaimMessages "a message claimed" true,
        ExtendLease "a lease extended" true,
        Finish "a message finished" true,
        TryAgain "a message put off" true,
        DeadLetter "a message given up" true,
        NextDue "when the next message is due" false,
        Message "a message by id" false,
    }
    Django {
        DjangoSession "a session of Django's" false,
        ProvenUser "a user with what is proven" false,
        DjangoLogIn "a log-in with a session of Django's" true,
        RewriteDjangoSession "a session of Django's written anew" true,
        ReplacePasswordOfDjango "a change of password in a session of Django's" true,
        EndDjangoSession "a log-out of Django's" true,
    }
}
