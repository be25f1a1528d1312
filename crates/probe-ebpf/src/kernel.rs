//! Typed loads from kernel structures at the offsets the recorder resolved.

use core::ffi::c_void;

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_skc_to_tcp_sock};
use connlat_schema::offsets::ABSENT;

/// `const struct sock *`, checked by the verifier.
pub type Sock = *const c_void;
/// `const struct tcp_sock *`, checked by the verifier and not null.
pub type TcpSock = *const c_void;

/// Loads the field of type `$ty` that `Offsets::$field` locates in `$base`.
///
/// `$base` has to be a pointer the verifier knows as the right structure.
macro_rules! field {
    ($base:expr, $field:ident: $ty:ty) => {{
        let at = $crate::kernel::offset!($field) as usize;
        let base: *const core::ffi::c_void = $base;
        // SAFETY: the offset comes from this kernel's BTF and the verifier
        // checks the access against the structure; volatile keeps rustc from
        // merging it with its neighbours.
        unsafe { base.byte_add(at).cast::<$ty>().read_volatile() }
    }};
}
pub(crate) use field;

/// The value of `Offsets::$field` on this kernel.
macro_rules! offset {
    ($field:ident) => {
        $crate::maps::setting(|s| &s.offsets.$field)
    };
}
pub(crate) use offset;

/// Loads a field from a kernel address that carries no type, 0 if unreadable.
#[inline(always)]
pub fn probe_read<T: Copy + Default>(base: u64, offset: u32) -> T {
    // SAFETY: the helper checks the address and reports what it cannot read.
    unsafe { bpf_probe_read_kernel((base + u64::from(offset)) as *const T) }.unwrap_or_default()
}

/// Whether this kernel has the field.
#[inline(always)]
pub fn present(offset: u32) -> bool {
    offset != ABSENT
}

/// The socket as `tcp_sock`, or `None` where it is none: MPTCP's outer socket
/// has protocol 262 and must never be read as one.
#[inline(always)]
pub fn tcp_sock(sk: Sock) -> Option<TcpSock> {
    // SAFETY: the helper checks family, type and protocol of the socket
    // (net/core/filter.c, bpf_skc_to_tcp_sock).
    let tcp = unsafe { bpf_skc_to_tcp_sock(sk.cast_mut()) };
    (!tcp.is_null()).then_some(tcp.cast_const().cast())
}
