//! Stateless one-time tokens with purposes, lifetimes and key rotation.
