//! Content codings of nginx.

use hangup::client::Encoded;
use hangup::{Client, ResponseExt};

use crate::nginx;
use crate::process::{Folder, free_addr};

/// Where Debian's package libnginx-mod-http-brotli-filter puts the module.
const BROTLI: &str = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so";

#[test]
#[ignore = "needs nginx with its Brotli module"]
fn c08_a_body_that_nginx_compresses_is_decoded() {
    let (folder, addr) = (Folder::new(), free_addr());
    let text = "a line that is compressed well\n".repeat(20_000);
    folder.file("page.txt", text.as_bytes());
    let server = nginx::start_with(
        &folder,
        addr,
        &format!("load_module {BROTLI};"),
        &format!(
            "types {{ text/plain txt; }}
             server {{
               listen {addr};
               location /br/ {{ alias {root}/; brotli on; brotli_types text/plain; }}
               location /gzip/ {{ alias {root}/; gzip on; gzip_types text/plain; }}
             }}",
            root = folder.path().display()
        ),
    );
    let client = Client::new();
    for (path, coding) in [("/br/page.txt", "br"), ("/gzip/page.txt", "gzip")] {
        // Twice, so that the connection is used again behind a body of unknown length.
        for _ in 0..2 {
            let mut response = client.get(server.url(path)).send().unwrap();
            let encoded = response.encoded().map(Encoded::content_encoding);
            assert_eq!(encoded.unwrap(), coding, "{path}");
            assert_eq!(response.text().unwrap(), text, "{path}");
        }
        let mut range = client.get(server.url(path)).header("range", "bytes=7-10").send().unwrap();
        assert_eq!((range.status().as_u16(), range.text().unwrap()), (206, "that".to_owned()));
    }
    assert_eq!(client.idle_connections(), 1);
}
