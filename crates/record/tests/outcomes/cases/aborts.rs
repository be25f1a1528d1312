//! The local side gives up, or the recording ends first.

use std::time::Duration;

use test_support::monotonic_ns;
use test_support::netlink;

use super::answers::responder;
use crate::child;
use crate::client::{Client, pause, raw_address};
use crate::expected::Window;
use crate::responder::{Behaviour, OWN_V4, Responder};
use crate::stage::{Report, Skip, Stage};

fn silent() -> Result<Responder, Skip> {
    responder(&[Behaviour::Silent])
}

/// A non-blocking connect that something then ends.
fn aborted(end: impl FnOnce(Client) -> Window) -> Report {
    let peer = silent()?;
    let to = peer.v4(0, 80);
    let client = Client::nonblocking();
    let attempt = client.begin(to);
    let heard = peer.wait_for_syns(to, 1);
    let ended = end(client);
    Ok(vec![attempt.expect("aborted").heard(&heard).ended(ended)])
}

pub fn closed(_: &Stage) -> Report {
    aborted(Client::close)
}

/// With SO_LINGER 0 close(2) takes another way through the kernel.
pub fn closed_with_linger_0(_: &Stage) -> Report {
    aborted(|client| {
        client.socket.set_linger(Some(Duration::ZERO)).expect("a flag");
        client.close()
    })
}

/// SO_SNDTIMEO ends the call, not the attempt.
pub fn send_timeout(_: &Stage) -> Report {
    let peer = silent()?;
    let to = peer.v4(0, 80);
    let client = Client::v4();
    client.socket.set_write_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let attempt = client.connect(to).returned(libc::EINPROGRESS);
    let heard = peer.wait_for_syns(to, 1);
    let ended = client.close();
    Ok(vec![attempt.expect("aborted").heard(&heard).ended(ended)])
}

pub fn shut_down(_: &Stage) -> Report {
    aborted(|client| {
        let before = monotonic_ns();
        client.socket.shutdown(std::net::Shutdown::Both).expect("a connecting socket");
        let ended = Window::new(before, monotonic_ns());
        drop(client);
        ended
    })
}

pub fn disconnected(_: &Stage) -> Report {
    aborted(|client| client.disconnect())
}

/// SIGKILL while connect(2) blocks.
pub fn killed(stage: &Stage) -> Report {
    let peer = silent()?;
    let to = peer.v4(0, 80);
    let (socket, address) = (Client::v4().socket, raw_address(to));
    let mut child = child::fork(c"rig-killed", |report| report.connect(&socket, &address));
    drop(socket);
    let attempt = child.begun(stage.netns, (OWN_V4, 0).into(), to);
    let heard = peer.wait_for_syns(to, 1);
    let ended = child.kill();
    Ok(vec![attempt.expect("aborted").heard(&heard).ended(ended)])
}

/// The process ends while its non-blocking connect is under way.
pub fn exited(stage: &Stage) -> Report {
    let peer = silent()?;
    let to = peer.v4(0, 80);
    let (socket, address) = (Client::nonblocking().socket, raw_address(to));
    let mut child = child::fork(c"rig-exited", |report| report.connect(&socket, &address));
    drop(socket);
    let attempt = child.begun(stage.netns, (OWN_V4, 0).into(), to);
    let attempt = child.returned(attempt).returned(libc::EINPROGRESS);
    let heard = peer.wait_for_syns(to, 1);
    let ended = Window::new(attempt.called.from, child.wait());
    Ok(vec![attempt.expect("aborted").heard(&heard).ended(ended)])
}

/// What `ss -K` does.
pub fn socket_destroyed(_: &Stage) -> Report {
    let peer = silent()?;
    let to = peer.v4(0, 80);
    let client = Client::nonblocking();
    let attempt = client.begin(to);
    let heard = peer.wait_for_syns(to, 1);
    let before = monotonic_ns();
    netlink::destroy_socket(heard.from, to)
        .map_err(|error| Skip::Kernel(format!("SOCK_DESTROY: {error}")))?;
    let ended = Window::new(before, monotonic_ns());
    assert_eq!(client.wait().0, libc::ECONNABORTED);
    let expected = attempt.expect("aborted").errno(libc::ECONNABORTED);
    Ok(vec![expected.heard(&heard).ended(ended)])
}

/// Undecided when the recording stops, and its SYN was sent again meanwhile.
pub fn in_flight_at_stop(stage: &Stage) -> Report {
    let peer = silent()?;
    let to = peer.v4(0, 80);
    let client = Client::nonblocking();
    let attempt = client.begin(to);
    peer.wait_for_syns(to, 2);
    pause(50);
    let stopped = stage.until_stopped();
    let mut heard = peer.wait_for_syns(to, 2);
    // Those of after the stop are not the recorder's business.
    heard.syns.retain(|syn| *syn < stopped.from);
    Ok(vec![attempt.expect("in_flight").heard(&heard).ended(stopped)])
}
