//! A small SOCKS5 proxy (RFC 1928), with or without user and password (RFC 1929).

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

type Login = Option<(&'static str, &'static str)>;

/// Starts the proxy and returns its address. It serves until the process ends.
pub(super) fn start(login: Login) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address").to_string();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client, login));
        }
    });
    addr
}

fn serve(mut client: TcpStream, login: Login) -> io::Result<()> {
    let [_, methods] = take(&mut client)?;
    let methods = take_some(&mut client, methods)?;
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, method])?;
    if let Some((user, password)) = login {
        let [_, length] = take(&mut client)?;
        let given_user = take_some(&mut client, length)?;
        let [length] = take(&mut client)?;
        let given_password = take_some(&mut client, length)?;
        let right = given_user == user.as_bytes() && given_password == password.as_bytes();
        client.write_all(&[1, u8::from(!right)])?;
        if !right {
            return Ok(());
        }
    }
    let [_, _, _, kind] = take(&mut client)?;
    let host = match kind {
        1 => std::net::Ipv4Addr::from(take::<4>(&mut client)?).to_string(),
        3 => {
            let [length] = take(&mut client)?;
            let name = String::from_utf8_lossy(&take_some(&mut client, length)?).into_owned();
            // The proxy's own name for this host, which no other resolver has.
            if name == "behind.test" { "127.0.0.1".to_owned() } else { name }
        }
        _ => return client.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
    };
    let port = u16::from_be_bytes(take(&mut client)?);
    let Ok(server) = TcpStream::connect((host.as_str(), port)) else {
        return client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
    };
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(from, to));
    pass(server, client);
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn take<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take_some(client: &mut TcpStream, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}
