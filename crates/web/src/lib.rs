//! Pages, sessions and guards of phone-auth on axum.
