//! Something to record: makes known connects on this host and exits.
//!
//! Serves a tiny HTTP answer on loopback, connects to it over IPv4 and IPv6,
//! with `curl` where there is one, and to a port where nobody listens.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

const CONNECTS: usize = 300;
const CURLS: usize = 30;
const REFUSED: usize = 20;

fn main() -> io::Result<()> {
    let v4 = serve("127.0.0.1:0")?;
    let v6 = serve("[::1]:0");
    // Bound and closed again: nobody listens there now.
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;

    thread::scope(|scope| {
        scope.spawn(|| connect(v4, CONNECTS));
        if let Ok(v6) = v6 {
            scope.spawn(move || connect(v6, CONNECTS));
        }
        scope.spawn(|| connect(closed, REFUSED));
        scope.spawn(|| curl(v4));
    });
    Ok(())
}

/// Answers every connection until the program ends.
fn serve(address: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    if stream.read(&mut [0; 4096])? > 0 {
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    }
    Ok(())
}

/// A refused connect is as good as any here.
fn connect(address: SocketAddr, times: usize) {
    for _ in 0..times {
        let _ = TcpStream::connect(address);
        thread::sleep(Duration::from_millis(8));
    }
}

fn curl(address: SocketAddr) {
    for _ in 0..CURLS {
        let url = format!("http://{address}/");
        let run = Command::new("curl").args(["-s", &url]).stdout(Stdio::null()).status();
        if run.is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
