//! Accounts by phone number, e-mail address or username, with signals that the linker registers.
