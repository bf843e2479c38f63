use super::*;
use crate::error::ErrorKind;

fn pool(limits: Limits) -> Pool<&'static str, u32> {
    Pool::new(limits)
}

/// Queues a call that waits for its dial.
fn dials(pool: &mut Pool<&str, u32>) -> (Arc<Waiter<u32>>, Delivery<u32>, Arc<PendingDial>) {
    match pool.checkout(&"a", None) {
        Checkout::Queued { waiter, delivery, begins: Some(dial) } => (waiter, delivery, dial),
        _ => panic!("it dials"),
    }
}

/// Queues a call for which no dial is begun.
fn waits(pool: &mut Pool<&str, u32>) -> (Arc<Waiter<u32>>, Delivery<u32>) {
    match pool.checkout(&"a", None) {
        Checkout::Queued { waiter, delivery, begins: None } => (waiter, delivery),
        _ => panic!("it waits"),
    }
}

/// Makes a connection by a call's dial, which the call then uses.
fn busy(pool: &mut Pool<&str, u32>, connection: u32) {
    let (_, delivery, dial) = dials(pool);
    pool.dialled(&"a", &dial, connection).unwrap();
    assert_eq!(delivery.try_recv().unwrap().unwrap(), connection);
}

fn failure() -> Error {
    Error::new(ErrorKind::Connect)
}

#[test]
fn t13_the_most_recently_used_is_taken_first() {
    let mut pool = pool(Limits::default());
    for connection in [1, 2, 3] {
        assert!(matches!(pool.put(&"a", connection), Return::Kept));
    }
    assert!(matches!(pool.checkout(&"a", None), Checkout::Idle(3)));
    assert!(matches!(pool.checkout(&"b", None), Checkout::Queued { begins: Some(_), .. }));
    assert_eq!(pool.idle(), 2);
}

#[test]
fn t13_a_host_keeps_so_many_and_no_more() {
    let mut pool = pool(Limits { idle_per_host: 2, ..Limits::default() });
    for (connection, kept) in [(1, true), (2, true), (3, false)] {
        let outcome = pool.put(&"a", connection);
        assert_eq!(matches!(outcome, Return::Kept), kept, "{connection}");
    }
    assert!(matches!(pool.put(&"b", 4), Return::Kept));
}

#[test]
fn t13_beyond_the_total_the_longest_idle_goes() {
    let mut pool = pool(Limits { idle: 2, ..Limits::default() });
    for (host, connection) in [("b", 2), ("a", 1)] {
        assert!(matches!(pool.put(&host, connection), Return::Kept));
    }
    assert!(matches!(pool.put(&"a", 3), Return::Evicted(2)));
    assert_eq!(pool.idle(), 2);
}

#[test]
fn t13_the_queue_at_a_limit_is_fair() {
    let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
    busy(&mut pool, 1);
    let (_second, second_delivery) = waits(&mut pool);
    let (_third, third_delivery) = waits(&mut pool);
    assert!(matches!(pool.put(&"a", 1), Return::Kept));
    assert_eq!(second_delivery.try_recv().unwrap().unwrap(), 1);
    assert!(third_delivery.try_recv().is_err());
    // The second's connection is closed: the third may dial in its place.
    let dial = pool.release(&"a").expect("the place is free");
    pool.dialled(&"a", &dial, 2).unwrap();
    assert_eq!(third_delivery.try_recv().unwrap().unwrap(), 2);
}

#[test]
fn t13_a_call_that_gave_up_is_passed_over() {
    let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
    busy(&mut pool, 9);
    let (gone, _gone_delivery) = waits(&mut pool);
    let (_stays, delivery) = waits(&mut pool);
    gone.cancel();
    assert!(matches!(pool.put(&"a", 9), Return::Kept));
    assert_eq!(delivery.try_recv().unwrap().unwrap(), 9);
    assert!(pool.forget(&"a", &gone).is_none());
    assert_eq!(pool.hosts["a"].waiting.len(), 0);
}

#[test]
fn t13_a_free_place_goes_to_one_that_waits_without_a_dial() {
    let mut pool = pool(Limits { per_host: Some(2), ..Limits::default() });
    busy(&mut pool, 1);
    let (_dials, _dialled, _dial) = dials(&mut pool);
    let (_waits, delivery) = waits(&mut pool);
    let next = pool.release(&"a").expect("the place is free");
    pool.dialled(&"a", &next, 2).unwrap();
    assert_eq!(delivery.try_recv().unwrap().unwrap(), 2);
    assert!(pool.release(&"a").is_none(), "every call has a dial");
}

#[test]
fn t13_a_call_with_another_connection_leaves_its_dial_to_the_next() {
    let mut pool = pool(Limits { per_host: Some(2), ..Limits::default() });
    busy(&mut pool, 1);
    let (_first, first_delivery, dial) = dials(&mut pool);
    let (_second, second_delivery) = waits(&mut pool);
    assert!(matches!(pool.put(&"a", 1), Return::Kept));
    assert_eq!(first_delivery.try_recv().unwrap().unwrap(), 1);
    pool.dialled(&"a", &dial, 2).unwrap();
    assert_eq!(second_delivery.try_recv().unwrap().unwrap(), 2);
}

#[test]
fn t13_a_new_call_joins_the_dial_that_is_spare_the_longest() {
    let mut pool = pool(Limits::default());
    let calls = [(); 2].map(|()| dials(&mut pool));
    for (connection, (_, delivery, _)) in calls.iter().enumerate() {
        assert!(matches!(pool.put(&"a", connection as u32), Return::Kept));
        assert!(delivery.try_recv().unwrap().is_ok());
    }
    let (_third, third_delivery) = waits(&mut pool);
    // Any connection goes to a call that waits, also if no call has joined its dial.
    assert!(pool.dialled(&"a", &calls[1].2, 7).is_err(), "it is to be parked first");
    assert!(matches!(pool.put_dialled(&"a", &calls[1].2, 7), Return::Kept));
    assert_eq!(third_delivery.try_recv().unwrap().unwrap(), 7);
    let (_fourth, fourth_delivery) = waits(&mut pool);
    pool.dialled(&"a", &calls[0].2, 8).unwrap();
    assert_eq!(fourth_delivery.try_recv().unwrap().unwrap(), 8);
    let (_, _, _) = dials(&mut pool);
}

#[test]
fn t13_a_spare_dial_ends_in_the_pool() {
    let mut pool = pool(Limits::default());
    let (_call, delivery, dial) = dials(&mut pool);
    assert!(matches!(pool.put(&"a", 1), Return::Kept));
    assert!(delivery.try_recv().unwrap().is_ok());
    assert!(pool.dialled(&"a", &dial, 2).is_err());
    assert!(matches!(pool.put_dialled(&"a", &dial, 2), Return::Kept));
    assert!(matches!(pool.checkout(&"a", None), Checkout::Idle(2)));
    assert!(pool.hosts["a"].spare.is_empty());
}

#[test]
fn t13_the_failure_of_a_dial_is_that_of_the_call_it_was_begun_for() {
    let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
    let (_first, first_delivery, dial) = dials(&mut pool);
    let (_second, second_delivery) = waits(&mut pool);
    let next = pool.dial_failed(&"a", &dial, failure()).expect("the place is free");
    assert!(first_delivery.try_recv().unwrap().is_err());
    assert!(second_delivery.try_recv().is_err());
    assert!(pool.dial_failed(&"a", &next, failure()).is_none());
    assert!(second_delivery.try_recv().unwrap().is_err());
    assert!(pool.hosts.is_empty());
}

#[test]
fn t13_a_call_that_joined_a_dial_which_fails_has_a_dial_of_its_own() {
    let mut pool = pool(Limits::default());
    let calls = [(); 3].map(|()| dials(&mut pool));
    for connection in 0..3 {
        assert!(matches!(pool.put(&"a", connection), Return::Kept));
    }
    let (_call, delivery) = waits(&mut pool);
    // While others are spare it joins those.
    assert!(pool.dial_failed(&"a", &calls[0].2, failure()).is_none());
    assert!(pool.dial_failed(&"a", &calls[2].2, failure()).is_none(), "no call waits for it");
    let own = pool.dial_failed(&"a", &calls[1].2, failure()).expect("another dial");
    assert!(delivery.try_recv().is_err());
    assert!(pool.dial_failed(&"a", &own, failure()).is_none());
    assert!(delivery.try_recv().unwrap().is_err());
}

#[test]
fn t14_a_call_that_gives_up_takes_its_dial_along() {
    let mut pool = pool(Limits::default());
    let (waiter, _delivery, dial) = dials(&mut pool);
    waiter.cancel();
    let ends = pool.forget(&"a", &waiter).expect("its dial");
    assert!(Arc::ptr_eq(&ends, &dial));
    let (_next, _next_delivery, next) = dials(&mut pool);
    // The connection came all the same.
    assert!(matches!(pool.put_dialled(&"a", &dial, 1), Return::Kept));
    assert!(!next.context.is_done());
    assert_eq!(pool.hosts["a"].spare.len(), 1, "the next call has left its dial");
}

#[test]
fn a_host_is_forgotten_with_its_last_connection() {
    let mut pool = pool(Limits::default());
    let (waiter, _delivery, _dial) = dials(&mut pool);
    waiter.cancel();
    pool.forget(&"a", &waiter);
    // It was closed just before it was put: the pool hears of it first.
    assert!(pool.release(&"a").is_none());
    assert!(matches!(pool.put(&"a", 1), Return::Kept));
    assert!(pool.remove(&"a", &1));
    assert!(pool.hosts.is_empty());
}

#[test]
fn a_closed_pool_keeps_nothing_and_grants_nothing() {
    let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
    busy(&mut pool, 1);
    let (_waits, delivery) = waits(&mut pool);
    let (idle, dials) = pool.close();
    assert!(idle.is_empty() && dials.is_empty());
    assert!(delivery.recv().unwrap().is_err());
    assert!(matches!(pool.put(&"a", 1), Return::Refused(1)));
    assert!(matches!(pool.checkout(&"a", None), Checkout::Closed));
}

#[test]
fn a_closed_pool_hands_out_its_dials() {
    let mut pool = pool(Limits::default());
    let (_left, delivery, spare) = dials(&mut pool);
    assert!(matches!(pool.put(&"a", 1), Return::Kept));
    assert!(delivery.try_recv().unwrap().is_ok());
    let (_joins, _delivery) = waits(&mut pool);
    let (_dials, _dialled, own) = dials(&mut pool);
    let (_, ends) = pool.close();
    assert_eq!(ends.len(), 2);
    assert!(Arc::ptr_eq(&ends[0], &spare) && Arc::ptr_eq(&ends[1], &own));
    assert!(pool.dial_failed(&"a", &spare, failure()).is_none());
    assert!(matches!(pool.put_dialled(&"a", &own, 2), Return::Refused(2)));
}

#[test]
fn what_is_not_there_is_not_counted() {
    let mut pool = pool(Limits::default());
    assert!(matches!(pool.put(&"a", 1), Return::Kept));
    assert!(pool.remove(&"a", &1) && !pool.remove(&"a", &1));
    assert_eq!(pool.idle(), 0);
}
