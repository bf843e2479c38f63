//! The programs in the project's Markdown files, compiled as doc tests.

#[cfg(all(feature = "client", feature = "server", feature = "tls"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(unix, feature = "client", feature = "server", feature = "fcgi", feature = "tls"))]
#[doc = include_str!("../docs/recipes.md")]
struct Recipes;
