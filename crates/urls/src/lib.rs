//! Named routes: reverse, resolve, and links that are relative until a site is named.
