//! Nobody answers, or the own firewall does not let the SYN out.

use std::io::Write;
use std::process::{Command, Stdio};

use test_support::namespace::fast_syn_timeout;

use super::answers::{needs_ipv6, responder};
use crate::client::{Attempt, Client, listen};
use crate::responder::Behaviour;
use crate::stage::{Report, Skip, Stage};

pub fn syn_timeout(_: &Stage) -> Report {
    fast_syn_timeout();
    let peer = responder(&[Behaviour::Silent])?;
    let to = peer.v4(0, 80);
    let attempt = Client::v4().connect(to).returned(libc::ETIMEDOUT);
    let heard = peer.wait_for_syns(to, 2);
    Ok(vec![attempt.expect("timed_out").errno(libc::ETIMEDOUT).heard(&heard)])
}

pub fn syn_timeout_v6(_: &Stage) -> Report {
    needs_ipv6()?;
    fast_syn_timeout();
    let peer = responder(&[Behaviour::Silent])?;
    let to = peer.v6(0, 80);
    let attempt = Client::new(socket2::Domain::IPV6).connect(to).returned(libc::ETIMEDOUT);
    let heard = peer.wait_for_syns(to, 2);
    Ok(vec![attempt.expect("timed_out").errno(libc::ETIMEDOUT).heard(&heard)])
}

/// TCP_USER_TIMEOUT ends the attempt before the retries do.
pub fn user_timeout(_: &Stage) -> Report {
    let peer = responder(&[Behaviour::Silent])?;
    let to = peer.v4(0, 80);
    let client = Client::v4();
    client.option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 1_500).expect("the option");
    let attempt = client.connect(to).returned(libc::ETIMEDOUT);
    let heard = peer.wait_for_syns(to, 1);
    Ok(vec![attempt.expect("timed_out").errno(libc::ETIMEDOUT).heard(&heard)])
}

/// Dropped on the way out: the kernel goes on as if the network had lost it.
pub fn firewall_drop(_: &Stage) -> Report {
    fast_syn_timeout();
    let (attempt, from) = through_firewall("drop")?;
    let attempt = attempt.returned(libc::ETIMEDOUT);
    let expected = attempt.expect("timed_out").errno(libc::ETIMEDOUT);
    // Nobody hears these SYNs; the timeout is that of one retry.
    Ok(vec![expected.port_chosen(from).retransmits(1)])
}

/// Rejected on the way out with RST.
pub fn firewall_reset(_: &Stage) -> Report {
    let (attempt, from) = through_firewall("reject with tcp reset")?;
    let attempt = attempt.returned(libc::ECONNREFUSED);
    Ok(vec![attempt.expect("refused").errno(libc::ECONNREFUSED).port_chosen(from)])
}

/// Rejected on the way out with ICMP, which meets a socket that connect(2)
/// still holds and is ignored, until the first retry.
pub fn firewall_port(_: &Stage) -> Report {
    let (attempt, from) = through_firewall("reject with icmp port-unreachable")?;
    let attempt = attempt.returned(libc::ECONNREFUSED);
    let waited = attempt.called.to - attempt.called.from;
    let retries = i32::from(waited > 900_000_000);
    let expected = attempt.expect("refused").errno(libc::ECONNREFUSED);
    Ok(vec![expected.port_chosen(from).retransmits(retries)])
}

fn through_firewall(verdict: &str) -> Result<(Attempt, u16), Skip> {
    let (_listener, to) = listen("127.0.0.1:0");
    let port = to.port();
    nft(&format!(
        "add table ip rig
         add chain ip rig out {{ type filter hook output priority 0; }}
         add rule ip rig out tcp dport {port} {verdict}\n"
    ))?;
    let client = Client::bound(([127, 0, 0, 1], 0).into());
    let from = client.local().port();
    Ok((client.connect(to), from))
}

fn nft(rules: &str) -> Result<(), Skip> {
    let started = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut process = started.map_err(|error| Skip::Missing(format!("nft ({error})")))?;
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(rules.as_bytes()).expect("nft reads its rules");
    drop(input);
    let output = process.wait_with_output().expect("nft ends");
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    // nft's words for an error of the kernel; anything else is the rig's mistake.
    assert!(why.contains("Could not process rule") || why.contains("netlink"), "{why}");
    Err(Skip::Kernel(format!("nft: {}", why.lines().next().unwrap_or_default())))
}
