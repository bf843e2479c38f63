//! Apache with mod_proxy_fcgi.

use std::fs;
use std::process::Command;

use super::children::Running;
use super::streaming::{expect_pieces, expect_upload, go_away, piecewise, reporting, writing};
use super::{App, answer, converse, deploy};
use crate::process::{Folder, free_addr};

/// The settings that Debian's files add to the documented one. Apache changes its user if it may, and every
/// user may connect to the socket.
const MAIN: &str = "
ServerRoot /usr/lib/apache2
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
User www-data
Group www-data
";

/// Apache. Dropped before the folder with its log.
struct Apache {
    _running: Running,
    folder: Folder,
    base: String,
}

/// Starts Apache before the FastCGI server that listens at `place`, in its words.
fn before(place: &str) -> Apache {
    let (folder, addr) = (Folder::new(), free_addr());
    let root = folder.path().display();
    let listen = addr.to_string();
    let pairs =
        [("127.0.0.1:8080", listen.as_str()), ("unix:/run/app/app.sock|fcgi://app/", place)];
    let documented = deploy::filled("apache-fastcgi.conf", &pairs);
    let config = format!(
        "{MAIN}Listen {addr}\nServerName localhost\nDefaultRuntimeDir {root}\nPidFile {root}/pid\n\
         ErrorLog {root}/error.log\n{documented}"
    );
    let file = folder.file("apache.conf", config.as_bytes());
    // In one process, which runs in the foreground.
    let running = Running::listening(Command::new("apache2").args(["-X", "-f", &file]), addr);
    Apache { _running: running, folder, base: format!("http://{addr}") }
}

fn over_unix(app: &App) -> Apache {
    before(&format!("unix:{}|fcgi://app/", app.place))
}

fn converse_with(apache: &Apache, app: &App) {
    converse(&apache.base, 300);
    let log = fs::read_to_string(apache.folder.path().join("error.log")).expect("its log");
    assert!(log.contains("gateway: a line for the log"), "{log}");
    assert!(app.server.handle().connections() > 0, "one is kept for the next request");
}

#[test]
#[ignore = "needs apache2"]
fn over_a_unix_socket() {
    let folder = Folder::new();
    let app = App::unix(&folder, answer::route);
    converse_with(&over_unix(&app), &app);
}

#[test]
#[ignore = "needs apache2"]
fn over_tcp() {
    let app = App::tcp(answer::route);
    converse_with(&before(&format!("fcgi://{}/", app.place)), &app);
}

#[test]
#[ignore = "needs apache2"]
fn bodies_come_and_go_piece_by_piece() {
    let ((handler, tell), folder) = (piecewise(), Folder::new());
    let app = App::unix(&folder, handler);
    expect_pieces(&over_unix(&app).base, &tell);
    let ((handler, seen), folder) = (reporting(), Folder::new());
    let app = App::unix(&folder, handler);
    expect_upload(&over_unix(&app).base, &seen, true);
}

/// Only a handler that writes learns it.
#[test]
#[ignore = "needs apache2 and curl"]
fn a_client_that_goes_away_is_noticed_when_it_is_written_to() {
    let ((handler, heard), folder) = (writing(), Folder::new());
    let app = App::unix(&folder, handler);
    go_away(&over_unix(&app).base, &heard);
}
