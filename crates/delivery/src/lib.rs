//! Ready receivers for the messages of phone-auth.
