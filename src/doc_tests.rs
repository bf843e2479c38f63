//! The programs in the project's Markdown files, compiled as doc tests.

#[cfg(feature = "tls")]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(unix, feature = "tls"))]
#[doc = include_str!("../docs/recipes.md")]
struct Recipes;
