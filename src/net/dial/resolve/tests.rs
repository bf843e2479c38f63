use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::net::dial::lookup::{self, JOINABLE};
use crate::sync::channel;
use std::thread;

fn resolve(resolver: &Resolver, host: &str) -> Result<Vec<SocketAddr>, DialError> {
    resolver.look_up(host, 80, None, &Context::new())
}

#[test]
fn literal_addresses_are_not_looked_up() {
    let resolver =
        Resolver::new(|_: &str, _: u16, _: &Context| -> io::Result<_> { panic!("looked up") });
    for (host, address) in
        [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80")]
    {
        assert_eq!(resolve(&resolver, host).unwrap(), [address.parse().unwrap()]);
    }
    assert!(literal("[127.0.0.1]", 80).is_none());
}

#[test]
fn the_systems_resolver_resolves_localhost() {
    let addresses = resolve(&Resolver::default(), "localhost").unwrap();
    assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
}

#[test]
fn failures_name_the_host() {
    let failing =
        Resolver::new(|_: &str, _: u16, _: &Context| Err(io::Error::other("no such name")));
    let text = |resolver| resolve(&resolver, "x.test").unwrap_err().to_string();
    assert_eq!(text(failing), "cannot resolve x.test: no such name");
    let empty = Resolver::new(|_: &str, _: u16, _: &Context| Ok(Vec::new()));
    assert_eq!(text(empty), "cannot resolve x.test: no addresses");
}

#[test]
fn a_hanging_look_up_is_left_behind() {
    let (release, released) = channel::bounded::<()>(0);
    let (entering, entered) = channel::bounded(1);
    let resolver = Resolver::new(move |_: &str, _: u16, _: &Context| {
        entering.send(()).unwrap();
        let _ = released.recv();
        Ok(Vec::new())
    });
    let context = Context::new();
    thread::scope(|scope| {
        let asking = scope.spawn(|| resolver.look_up("x.test", 80, None, &context));
        entered.recv().unwrap();
        context.cancel();
        let error = asking.join().unwrap().unwrap_err();
        assert!(matches!(&error, DialError::Cancelled(why) if why.is_cancelled()), "{error}");
    });
    let error = resolver.look_up("x.test", 80, Some(Instant::now()), &Context::new());
    assert!(matches!(error, Err(DialError::TimedOut(Phase::Resolve))));
    drop(release);
}

/// Returns a resolver that hangs until the sender is dropped, and a receiver of the names it was asked for.
fn hanging() -> (Resolver, channel::Sender<()>, channel::Receiver<String>) {
    let (release, released) = channel::bounded::<()>(0);
    let (entering, entered) = channel::unbounded();
    let resolver = Resolver::new(move |host: &str, port: u16, _: &Context| {
        entering.send(host.to_owned()).unwrap();
        let _ = released.recv();
        Ok(vec![([127, 0, 0, 1], port).into()])
    });
    (resolver, release, entered)
}

fn gives_up(resolver: &Resolver, host: &str) -> DialError {
    let soon = Instant::now() + Duration::from_millis(1);
    resolver.look_up(host, 80, Some(soon), &Context::new()).unwrap_err()
}

#[test]
fn t13_an_abandoned_look_up_is_joined() {
    let (resolver, release, entered) = hanging();
    for _ in 0..20 {
        let error = gives_up(&resolver, "x.test");
        assert!(matches!(error, DialError::TimedOut(Phase::Resolve)), "{error}");
    }
    entered.recv().unwrap();
    assert!(entered.is_empty());
    // Another port is another look-up, and so is the same name in another resolver.
    resolver.look_up("x.test", 81, Some(Instant::now()), &Context::new()).unwrap_err();
    entered.recv().unwrap();
    let (other, other_release, other_entered) = hanging();
    gives_up(&other, "x.test");
    assert_eq!(other_entered.recv().unwrap(), "x.test");
    // Every dial that waits gets the same result.
    thread::scope(|scope| {
        let asking = [(); 3].map(|()| scope.spawn(|| resolve(&resolver, "x.test")));
        drop(release);
        for asks in asking {
            assert_eq!(asks.join().unwrap().unwrap(), ["127.0.0.1:80".parse().unwrap()]);
        }
    });
    drop(other_release);
}

#[test]
fn t13_look_ups_beyond_the_limit_wait() {
    let (resolver, release, entered) = hanging();
    for number in 0..MAX_LOOKUPS {
        gives_up(&resolver, &format!("{number}.test"));
    }
    for _ in 0..MAX_LOOKUPS {
        entered.recv().unwrap();
    }
    let error = gives_up(&resolver, "beyond.test");
    let text = error.to_string();
    assert!(matches!(error, DialError::ResolverBusy { lookups: MAX_LOOKUPS, .. }), "{text}");
    assert!(text.contains("beyond.test") && text.contains("64"), "{text}");
    thread::scope(|scope| {
        let waits = scope.spawn(|| resolve(&resolver, "patient.test"));
        let queued = || resolver.0.table.lock().queue.len();
        while queued() != 1 || !resolver.0.table.lock().known.contains_key(&patient()) {
            thread::yield_now();
        }
        drop(release);
        assert!(waits.join().unwrap().is_ok());
    });
    // The look-up that was abandoned in the queue was never run.
    let made: Vec<_> = entered.try_iter().collect();
    assert_eq!(made, ["patient.test"]);
    while resolver.0.table.lock().threads > 0 {
        thread::yield_now();
    }
    let table = resolver.0.table.lock();
    assert!(table.known.is_empty() && table.queue.is_empty());
}

fn patient() -> lookup::Name {
    ("patient.test".to_owned(), 80)
}

/// A payload whose drop panics.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("as the test has it");
    }
}

#[test]
fn t13_a_look_up_that_panics_is_an_error() {
    let resolver = Resolver::new(|host: &str, _: u16, _: &Context| match host {
        "x.test" => panic!("as the test has it"),
        _ => std::panic::panic_any(Grenade),
    });
    for host in ["x.test", "y.test"] {
        let text = resolve(&resolver, host).unwrap_err().to_string();
        assert_eq!(text, format!("cannot resolve {host}: the resolver panicked"));
    }
    while resolver.0.table.lock().threads > 0 {
        thread::yield_now();
    }
}

#[test]
fn t13_an_old_look_up_is_repeated() {
    let (resolver, release, entered) = hanging();
    gives_up(&resolver, "x.test");
    entered.recv().unwrap();
    let name = ("x.test".to_owned(), 80);
    let lost = resolver.0.table.lock().known.get(&name).and_then(Weak::upgrade).unwrap();
    assert!(lost.is_young());
    let old = Lookup {
        name: name.clone(),
        context: Context::new(),
        waiting: AtomicUsize::new(0),
        begun: OnceLock::from(Instant::now().checked_sub(JOINABLE).unwrap()),
        result: OnceLock::new(),
        done: lost.done.clone(),
    };
    let old = Arc::new(old);
    resolver.0.table.lock().known.insert(name, Arc::downgrade(&old));
    gives_up(&resolver, "x.test");
    assert_eq!(entered.recv().unwrap(), "x.test");
    drop(release);
}

#[test]
fn an_abandoned_look_up_that_stops_is_repeated_for_a_later_dial() {
    let (entering, entered) = channel::unbounded();
    let (release, released) = channel::unbounded();
    let (failing, may_fail) = channel::unbounded::<()>();
    let resolver = Resolver::new(move |_: &str, port: u16, context: &Context| {
        entering.send(()).unwrap();
        channel::select! {
            recv(context.done()) -> _ => {
                may_fail.recv().unwrap();
                Err(io::Error::other("given up"))
            }
            recv(released) -> _ => Ok(vec![([127, 0, 0, 1], port).into()]),
        }
    });
    gives_up(&resolver, "x.test");
    entered.recv().unwrap();
    let joined = || {
        let table = resolver.0.table.lock();
        let known = table.known.values().next().and_then(Weak::upgrade);
        known.is_some_and(|known| known.waiting.load(Ordering::SeqCst) > 0)
    };
    thread::scope(|scope| {
        let joins = scope.spawn(|| resolve(&resolver, "x.test"));
        while !joined() {
            thread::yield_now();
        }
        failing.send(()).unwrap();
        entered.recv().unwrap();
        release.send(()).unwrap();
        assert_eq!(joins.join().unwrap().unwrap(), ["127.0.0.1:80".parse().unwrap()]);
    });
}
