//! The cases, by what decides how the connect ends.

mod aborts;
mod answers;
mod handshakes;
mod local;
mod reuse;
mod silence;
mod tasks;
mod timing;

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
    answers::called_again,
    answers::udp,
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
    reuse::refused_then_closed,
    reuse::refused_then_established,
    reuse::refused_then_shut_down,
    reuse::refused_then_no_port,
    reuse::error_fetched_first,
    reuse::shut_down_then_disconnected,
    reuse::v6_then_mapped,
    reuse::fast_open_then_plain,
    local::ports_exhausted,
    local::bound_port_taken,
    local::no_route,
    local::route_blackhole,
    local::route_unreachable,
    local::route_prohibit,
    handshakes::self_connect,
    handshakes::simultaneous_open,
    handshakes::simultaneous_then_reset,
    handshakes::simultaneous_then_closed,
    handshakes::fast_open_deferred,
    handshakes::fast_open_sendto,
    handshakes::fast_open_closed,
    handshakes::fast_open_refused,
    handshakes::fast_open_lost,
    handshakes::mptcp,
    handshakes::mptcp_second_subflow,
    handshakes::repair,
    handshakes::io_uring,
    handshakes::io_uring_worker,
    tasks::interrupted,
    tasks::restarted,
    tasks::named_thread,
    tasks::other_user,
    tasks::exits_at_once,
    tasks::other_namespace,
    tasks::socket_of_other_namespace,
    tasks::own_cgroup,
    tasks::deleted_cgroup,
    timing::lost_syns_1,
    timing::lost_syns_2,
    timing::lost_syns_3,
    timing::delay_0_5_ms,
    timing::delay_5_ms,
    timing::delay_50_ms,
    timing::delay_500_ms,
];

/// What `--trace-local-errors` adds.
pub const TRACED: &[Case] = cases![
    local::traced_no_route,
    local::traced_blackhole,
    local::traced_unreachable,
    local::traced_prohibit,
    local::traced_ports_exhausted,
    local::traced_after_refusal,
    answers::success_v4,
    answers::refused_v4,
];
