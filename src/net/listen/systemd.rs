//! Sockets that systemd passes to a service.

use std::env;
use std::io;

use super::Listener;

/// The descriptor of the first socket (sd_listen_fds(3)).
const FIRST: i32 = 3;

/// The most sockets that are taken over. A larger number is a mistake.
const MOST: i32 = 1024;

impl Listener {
    /// Takes over the listening sockets that systemd, or another supervisor with its protocol, has passed
    /// to this process (`LISTEN_FDS`). Returns each with its name: the `FileDescriptorName=` of its
    /// `.socket` unit, or `unknown` without one.
    ///
    /// Returns nothing if none were passed to this process. Such sockets outlive the process, so a service
    /// that is restarted loses no connection.
    ///
    /// ```no_run
    /// use hangup::{Request, ResponseWriter, Server, net::Listener};
    ///
    /// let mut sockets = Listener::from_systemd()?.into_iter();
    /// let listener = match sockets.next() {
    ///     Some((_name, listener)) => listener,
    ///     None => Listener::bind_tcp("127.0.0.1:8080")?, // started by hand
    /// };
    /// Server::new(|_: &mut ResponseWriter, _: &mut Request| Ok(())).listen_on(listener).serve()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// The listeners are duplicates, as those of [`inherited`](Self::inherited) are. The environment
    /// variables stay as they are. They name this process, so its children do not take them for theirs.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the variables are malformed. Otherwise as [`inherited`](Self::inherited), if a
    /// descriptor is not a listening stream socket for example.
    pub fn from_systemd() -> io::Result<Vec<(String, Self)>> {
        let variable = |name| env::var(name).ok();
        let passed = Passed {
            process: variable("LISTEN_PID"),
            count: variable("LISTEN_FDS"),
            names: variable("LISTEN_FDNAMES"),
        };
        let names = passed.names_for(std::process::id())?;
        let numbered = names.into_iter().zip(FIRST..);
        numbered.map(|(name, number)| Ok((name, Self::inherited(number)?))).collect()
    }
}

/// The variables in which the sockets are passed.
struct Passed {
    process: Option<String>,
    count: Option<String>,
    names: Option<String>,
}

impl Passed {
    /// Returns the names of the sockets, in the order of their descriptors. None if they are for another
    /// process.
    fn names_for(self, process: u32) -> io::Result<Vec<String>> {
        let (Some(pid), Some(count)) = (&self.process, &self.count) else { return Ok(Vec::new()) };
        if pid.parse::<u32>().map_err(|_| malformed("LISTEN_PID", pid))? != process {
            return Ok(Vec::new());
        }
        let number = count.parse().ok().filter(|count| (0..=MOST).contains(count));
        let number = number.ok_or_else(|| malformed("LISTEN_FDS", count))?;
        let given = self.names.filter(|names| !names.is_empty());
        let given = given.iter().flat_map(|names| names.split(':')).map(str::to_owned);
        let unknown = std::iter::repeat_with(|| "unknown".to_owned());
        Ok(given.chain(unknown).take(number as usize).collect())
    }
}

fn malformed(name: &str, value: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{name} is malformed: {value:?}"))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn names(process: &str, count: &str, names: Option<&str>) -> io::Result<Vec<String>> {
        let passed = Passed {
            process: Some(process.to_owned()),
            count: Some(count.to_owned()),
            names: names.map(str::to_owned),
        };
        passed.names_for(7)
    }

    #[test]
    fn h14_each_socket_has_its_name() {
        for (count, given, expected) in [
            ("0", None, &[][..]),
            ("2", None, &["unknown", "unknown"]),
            ("2", Some(""), &["unknown", "unknown"]),
            ("2", Some("http:https"), &["http", "https"]),
            ("3", Some("http"), &["http", "unknown", "unknown"]),
            ("1", Some("http:https"), &["http"]),
            ("2", Some("http:"), &["http", ""]),
        ] {
            assert_eq!(names("7", count, given).unwrap(), expected, "{count} {given:?}");
        }
    }

    #[test]
    fn h14_the_sockets_of_another_process_are_ignored() {
        assert!(names("8", "3", None).unwrap().is_empty());
        assert!(names("8", "nonsense", None).unwrap().is_empty());
        let none = Passed { process: None, count: Some("3".to_owned()), names: None };
        assert!(none.names_for(7).unwrap().is_empty());
    }

    #[test]
    fn h14_malformed_variables_are_an_error() {
        for (process, count) in [("7", "-1"), ("7", "x"), ("7", ""), ("7", "1025"), ("x", "1")] {
            let error = names(process, count, None).unwrap_err();
            assert!(error.to_string().contains("is malformed"), "{process} {count}: {error}");
        }
    }
}
