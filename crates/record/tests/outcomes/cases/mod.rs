//! The cases, by what decides how the connect ends.

mod aborts;
mod answers;
mod silence;

use crate::stage::Case;

/// The name of a function is the name of its case.
macro_rules! cases {
    ($($module:ident::$case:ident),+ $(,)?) => {
        &[$(Case { name: stringify!($case), run: $module::$case }),+]
    };
}

/// What a recorder without options sees.
pub const ALL: &[Case] = cases![
    answers::success_v4,
    answers::success_v6,
    answers::success_v4_mapped,
    answers::to_any_address,
    answers::nonblocking,
    answers::refused_v4,
    answers::refused_v6,
    answers::refused_v4_mapped,
    answers::reset_by_peer,
    answers::icmp_net,
    answers::icmp_host,
    answers::icmp_protocol,
    answers::icmp_port,
    answers::icmp_admin,
    answers::icmpv6_no_route,
    answers::icmpv6_admin,
    answers::icmpv6_address,
    answers::icmpv6_port,
    silence::syn_timeout,
    silence::syn_timeout_v6,
    silence::user_timeout,
    silence::firewall_drop,
    silence::firewall_reset,
    silence::firewall_port,
    aborts::closed,
    aborts::closed_with_linger_0,
    aborts::send_timeout,
    aborts::shut_down,
    aborts::disconnected,
    aborts::killed,
    aborts::exited,
    aborts::socket_destroyed,
    aborts::in_flight_at_stop,
];

pub const TRACED: &[Case] = cases![answers::success_v4, answers::refused_v4,];
