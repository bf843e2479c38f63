//! The programs in the project's Markdown files, compiled as doc tests.

#[cfg(all(feature = "client", feature = "server", feature = "tls"))]
#[doc = include_str!("../README.md")]
struct Readme;

macro_rules! pages {
    ($($name:ident: $file:literal),+ $(,)?) => {
        $(
            #[cfg(all(unix, feature = "client", feature = "server", feature = "fcgi"))]
            #[cfg(all(feature = "tls", feature = "json", feature = "cookies"))]
            #[doc = include_str!(concat!("../docs/", $file))]
            struct $name;
        )+
    };
}

pages! {
    Recipes: "recipes.md",
    ComingFromAxum: "coming-from-axum.md",
    ComingFromCurl: "coming-from-curl.md",
    ComingFromGo: "coming-from-go.md",
    ComingFromReqwest: "coming-from-reqwest.md",
    ComingFromTinyHttp: "coming-from-tiny-http.md",
    ComingFromUreq: "coming-from-ureq.md",
}
