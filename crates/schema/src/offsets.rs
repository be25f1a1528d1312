//! The kernel fields the probe reads: each is declared once, here.
//!
//! rustc has no CO-RE relocations, so the recorder finds each field in the
//! running kernel's BTF and injects its offset into the probe. A line of the
//! table says where a field is and what its absence costs; adding a field
//! takes a line here and the code that reads it.

use core::mem::size_of;

/// Offset of a field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// What it means that a kernel lacks a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The probe cannot work.
    Refused,
    /// The capture lacks something, in words for a person.
    Costs(&'static str),
    /// An option cannot work.
    Disables(Feature),
}

/// What only works where all of its fields are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Forgetting a process that has ended: `--pid` and `--follow`.
    Processes,
    /// `--trace-local-errors`.
    LocalErrors,
    /// Settings of the network namespaces that connects come from. Each of
    /// its fields may also be missing alone: kernels differ in what can be set.
    NetworkSettings,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelField {
    /// The kernel's structure.
    pub structure: &'static str,
    /// The way to the field from there, as C writes it.
    pub path: &'static str,
    /// What its absence means.
    pub absence: Absence,
}

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident: $structure:literal $path:expr, $absence:expr;)+) => {
        /// Byte offsets inside kernel structures; [`ABSENT`] marks a field that
        /// the kernel lacks.
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Offsets {
            $(
                #[doc = concat!("In `", $structure, "`.")]
                $(#[$doc])*
                pub $name: u32,
            )+
        }

        impl Offsets {
            /// Each field in the order of the structure.
            pub const FIELDS: [KernelField; [$($structure),+].len()] = [
                $(KernelField { structure: $structure, path: $path, absence: $absence },)+
            ];

            /// What the object carries before the recorder injects real offsets.
            pub const ALL_ABSENT: Self = Self { $($name: ABSENT,)+ };

            /// Asks for the offset of each field in turn.
            ///
            /// # Errors
            /// The first that `find` returns.
            pub fn find<E>(
                mut find: impl FnMut(&'static KernelField) -> Result<u32, E>,
            ) -> Result<Self, E> {
                let mut fields = Self::FIELDS_REF.iter();
                Ok(Self { $($name: match fields.next() {
                    Some(field) => find(field)?,
                    None => ABSENT,
                },)+ })
            }

            const FIELDS_REF: &'static [KernelField] = &Self::FIELDS;

            /// The offsets beside the lines of the table they belong to.
            pub fn each(&self) -> [(&'static KernelField, u32); Self::FIELDS.len()] {
                let offsets = [$(self.$name),+];
                core::array::from_fn(|index| (&Self::FIELDS_REF[index], offsets[index]))
            }
        }

        // Without a hole: every byte of the settings is a named field.
        const _: () = assert!(size_of::<Offsets>() == Offsets::FIELDS.len() * size_of::<u32>());
        // The 64-bit settings follow.
        const _: () = assert!(size_of::<Offsets>() % size_of::<u64>() == 0);
    };
}

use Absence::{Costs, Disables, Refused};
use Feature::{LocalErrors, NetworkSettings, Processes};

offsets! {
    skc_family: "sock" "__sk_common.skc_family", Refused;
    skc_state: "sock" "__sk_common.skc_state", Refused;
    skc_dport: "sock" "__sk_common.skc_dport", Refused;
    skc_rcv_saddr: "sock" "__sk_common.skc_rcv_saddr", Refused;
    skc_daddr: "sock" "__sk_common.skc_daddr", Refused;
    /// Needs CONFIG_IPV6.
    skc_v6_rcv_saddr: "sock" "__sk_common.skc_v6_rcv_saddr", Costs("IPv6 source addresses");
    /// Needs CONFIG_IPV6.
    skc_v6_daddr: "sock" "__sk_common.skc_v6_daddr", Costs("IPv6 destination addresses");
    /// Needs CONFIG_NET_NS.
    skc_net: "sock" "__sk_common.skc_net.net", Costs("network namespaces");
    netns_inum: "net" "ns.inum", Costs("network namespaces");
    sk_err: "sock" "sk_err", Refused;
    sk_shutdown: "sock" "sk_shutdown", Refused;
    /// The byte it is in: a bit field.
    sk_kern_sock: "sock" "sk_kern_sock", Costs("flag kernel_socket");
    inet_sport: "inet_sock" "inet_sport", Refused;
    total_retrans: "tcp_sock" "total_retrans", Refused;
    srtt_us: "tcp_sock" "srtt_us", Refused;
    segs_out: "tcp_sock" "segs_out", Refused;
    data_segs_out: "tcp_sock" "data_segs_out", Refused;
    skc_num: "sock" "__sk_common.skc_num", Refused;
    /// Needs CONFIG_MPTCP.
    is_mptcp: "tcp_sock" "is_mptcp", Costs("flag mptcp_subflow");
    /// The process's id in the initial pid namespace.
    task_tgid: "task_struct" "tgid", Disables(Processes);
    task_signal: "task_struct" "signal", Disables(Processes);
    /// Threads of the process that have not ended.
    signal_live: "signal_struct" "live.counter", Disables(Processes);
    task_files: "task_struct" "files", Disables(LocalErrors);
    files_fdt: "files_struct" "fdt", Disables(LocalErrors);
    fdt_max_fds: "fdtable" "max_fds", Disables(LocalErrors);
    fdt_fd: "fdtable" "fd", Disables(LocalErrors);
    file_inode: "file" "f_inode", Disables(LocalErrors);
    file_private_data: "file" "private_data", Disables(LocalErrors);
    inode_mode: "inode" "i_mode", Disables(LocalErrors);
    socket_state: "socket" "state", Disables(LocalErrors);
    socket_sk: "socket" "sk", Disables(LocalErrors);
    sk_type: "sock" "sk_type", Disables(LocalErrors);
    sk_protocol: "sock" "sk_protocol", Disables(LocalErrors);
    /// First system call argument.
    regs_arg0: "pt_regs" ARGUMENTS[0], Disables(LocalErrors);
    /// Second system call argument.
    regs_arg1: "pt_regs" ARGUMENTS[1], Disables(LocalErrors);
    net_syn_retries: "net" "ipv4.sysctl_tcp_syn_retries", Disables(NetworkSettings);
    /// Since Linux 6.5.
    net_syn_linear_timeouts: "net" "ipv4.sysctl_tcp_syn_linear_timeouts", Disables(NetworkSettings);
    net_port_range: "net" "ipv4.ip_local_ports.range", Disables(NetworkSettings);
    net_fastopen: "net" "ipv4.sysctl_tcp_fastopen", Disables(NetworkSettings);
    net_tw_reuse: "net" "ipv4.sysctl_tcp_tw_reuse", Disables(NetworkSettings);
}

/// System call arguments in `pt_regs` (arch/x86/include/asm/ptrace.h,
/// arch/arm64/include/asm/ptrace.h).
const ARGUMENTS: [&str; 2] =
    if cfg!(target_arch = "aarch64") { ["regs[0]", "regs[1]"] } else { ["di", "si"] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_gets_the_offset_of_its_own_line() {
        let mut next = 0;
        let offsets = Offsets::find(|field| {
            next += 1;
            if field.path == "sk_err" { Err("stop") } else { Ok(next) }
        });
        assert_eq!(offsets, Err("stop"));
        let offsets = Offsets::find(|field| match field.path {
            "total_retrans" => Ok::<u32, ()>(7),
            _ => Ok(ABSENT),
        });
        assert_eq!(offsets, Ok(Offsets { total_retrans: 7, ..Offsets::ALL_ABSENT }));
        let found = offsets.map(|offsets| offsets.each().into_iter().find(|(_, at)| *at == 7));
        assert_eq!(found.ok().flatten().map(|(field, _)| field.structure), Some("tcp_sock"));
    }

    #[test]
    fn no_field_is_declared_twice() {
        for (index, field) in Offsets::FIELDS.iter().enumerate() {
            let same = |other: &&KernelField| {
                (other.structure, other.path) == (field.structure, field.path)
            };
            assert_eq!(Offsets::FIELDS[index + 1..].iter().find(same), None);
        }
    }
}
