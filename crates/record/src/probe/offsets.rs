//! Field offsets of the running kernel, from its BTF.
//!
//! The probe cannot relocate itself (rustc has no CO-RE), so it gets these as
//! constants. A missing optional field switches off what needs it.

use std::fs;
use std::path::Path;

use aya::{Btf, Endianness};
use btfparse::{Error as BtfError, ErrorKind, Offset, Readable, TypeInformation, TypeVariant};
use connlat_schema::settings::{ABSENT, Offsets};

use super::error::AttachError;

/// Whether every offset that `--trace-local-errors` needs is known.
pub(super) fn can_trace_syscalls(offsets: &Offsets) -> bool {
    [
        offsets.task_files,
        offsets.files_fdt,
        offsets.fdt_max_fds,
        offsets.fdt_fd,
        offsets.file_inode,
        offsets.file_private_data,
        offsets.inode_mode,
        offsets.socket_state,
        offsets.socket_sk,
        offsets.sk_type,
        offsets.sk_protocol,
        offsets.regs_arg0,
        offsets.regs_arg1,
        offsets.skc_net,
    ]
    .iter()
    .all(|offset| *offset != ABSENT)
}

/// Offsets, and what this kernel could not provide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedOffsets {
    /// For the probe.
    pub offsets: Offsets,
    /// Optional fields that are missing, as `struct.field (what is lost)`.
    pub unavailable: Vec<String>,
}

impl ResolvedOffsets {
    /// Resolves from raw BTF such as `/sys/kernel/btf/vmlinux`.
    ///
    /// # Errors
    /// [`AttachError::NoBtf`] when the file cannot be read, [`AttachError::BadBtf`]
    /// when it cannot be parsed or lacks a required field.
    pub fn from_file(path: &Path) -> Result<Self, AttachError> {
        let bytes = fs::read(path)
            .map_err(|source| AttachError::NoBtf { path: path.to_owned(), source })?;
        // The whole kernel image instead of what is in it.
        if bytes.starts_with(b"\x7fELF") {
            let what = "an ELF file; give its section: objcopy -O binary --only-section=.BTF --set-section-flags .BTF=alloc";
            return Err(AttachError::BadBtf(format!("{}: {what}", path.display())));
        }
        Self::from_btf(&bytes).map_err(|error| error.about(path))
    }

    /// Resolves from the bytes of a BTF file.
    ///
    /// # Errors
    /// [`AttachError::BadBtf`].
    pub fn from_btf(bytes: &[u8]) -> Result<Self, AttachError> {
        let types = TypeInformation::new(&Bytes(bytes))
            .map_err(|error| AttachError::BadBtf(error.message().to_owned()))?;
        let kernel = KernelTypes::find(&types);
        let mut unavailable = Vec::new();
        let mut optional = |field: Result<Field, AttachError>, name: &str, lost: &str| {
            field.unwrap_or_else(|_| {
                unavailable.push(format!("{name} ({lost})"));
                Field { byte: ABSENT, mask: 0 }
            })
        };
        let (sock, inet, tcp) = ("sock", "inet_sock", "tcp_sock");
        let v6_src = optional(
            kernel.field(sock, "__sk_common.skc_v6_rcv_saddr"),
            "sock.skc_v6_rcv_saddr",
            "IPv6 source addresses",
        );
        let v6_dst = optional(
            kernel.field(sock, "__sk_common.skc_v6_daddr"),
            "sock.skc_v6_daddr",
            "IPv6 destination addresses",
        );
        let net = optional(
            kernel.field(sock, "__sk_common.skc_net.net"),
            "sock.skc_net",
            "network namespaces",
        );
        let inum = optional(kernel.field("net", "ns.inum"), "net.ns.inum", "network namespaces");
        let kern_sock =
            optional(kernel.field(sock, "sk_kern_sock"), "sock.sk_kern_sock", "flag kernel_socket");
        let is_mptcp =
            optional(kernel.field(tcp, "is_mptcp"), "tcp_sock.is_mptcp", "flag mptcp_subflow");
        let netns_known = inum.byte != ABSENT;
        let offsets = Offsets {
            skc_family: kernel.byte(sock, "__sk_common.skc_family")?,
            skc_state: kernel.byte(sock, "__sk_common.skc_state")?,
            skc_dport: kernel.byte(sock, "__sk_common.skc_dport")?,
            skc_rcv_saddr: kernel.byte(sock, "__sk_common.skc_rcv_saddr")?,
            skc_daddr: kernel.byte(sock, "__sk_common.skc_daddr")?,
            skc_v6_rcv_saddr: v6_src.byte,
            skc_v6_daddr: v6_dst.byte,
            skc_net: if netns_known { net.byte } else { ABSENT },
            netns_inum: inum.byte,
            sk_err: kernel.byte(sock, "sk_err")?,
            sk_shutdown: kernel.byte(sock, "sk_shutdown")?,
            sk_kern_sock: kern_sock.byte,
            sk_kern_sock_mask: kern_sock.mask,
            inet_sport: kernel.byte(inet, "inet_sport")?,
            total_retrans: kernel.byte(tcp, "total_retrans")?,
            srtt_us: kernel.byte(tcp, "srtt_us")?,
            segs_out: kernel.byte(tcp, "segs_out")?,
            data_segs_out: kernel.byte(tcp, "data_segs_out")?,
            skc_num: kernel.byte(sock, "__sk_common.skc_num")?,
            is_mptcp: is_mptcp.byte,
            ..Offsets::ALL_ABSENT
        };
        let offsets = kernel.follow_fields(kernel.syscall_fields(offsets));
        Ok(Self { offsets, unavailable })
    }
}

/// A byte offset, and for bit fields the bits within that byte.
struct Field {
    byte: u32,
    mask: u32,
}

/// The structures the probe reads, by name.
///
/// BTF names are not unique across kinds (`net` is also a directory of
/// functions and enums), so only structures count.
struct KernelTypes<'a> {
    types: &'a TypeInformation,
    structs: Vec<(&'static str, u32)>,
}

impl<'a> KernelTypes<'a> {
    const WANTED: [&'static str; 12] = [
        "sock",
        "inet_sock",
        "tcp_sock",
        "net",
        "task_struct",
        "files_struct",
        "fdtable",
        "file",
        "inode",
        "socket",
        "pt_regs",
        "user_pt_regs",
    ];

    fn find(types: &'a TypeInformation) -> Self {
        let mut structs = Vec::new();
        for (&id, variant) in types.get() {
            if let TypeVariant::Struct(found) = variant
                && let Some(name) = found.name()
                && let Some(wanted) = Self::WANTED.iter().find(|wanted| *wanted == name)
            {
                structs.push((*wanted, id));
            }
        }
        Self { types, structs }
    }

    fn field(&self, name: &str, path: &str) -> Result<Field, AttachError> {
        let mut ids = self.structs.iter().filter(|(found, _)| *found == name).map(|(_, id)| *id);
        let offset = ids.find_map(|id| self.types.offset_of(id, path).ok());
        match offset {
            Some((_, Offset::ByteOffset(byte))) => Ok(Field { byte, mask: 0xff }),
            Some((_, Offset::BitOffsetAndSize(bit, size))) => Ok(Field {
                byte: bit / 8,
                // Little-endian bit fields count from the lowest bit.
                mask: ((1 << size.min(8)) - 1) << (bit % 8),
            }),
            None => Err(AttachError::BadBtf(format!("no field {name}.{path}"))),
        }
    }

    fn byte(&self, name: &str, path: &str) -> Result<u32, AttachError> {
        Ok(self.field(name, path)?.byte)
    }

    fn byte_or_absent(&self, name: &str, path: &str) -> u32 {
        self.byte(name, path).unwrap_or(ABSENT)
    }

    /// What `--follow` needs; all or nothing.
    fn follow_fields(&self, offsets: Offsets) -> Offsets {
        Offsets {
            task_pid: self.byte_or_absent("task_struct", "pid"),
            task_tgid: self.byte_or_absent("task_struct", "tgid"),
            ..offsets
        }
    }

    /// What `--trace-local-errors` needs.
    fn syscall_fields(&self, offsets: Offsets) -> Offsets {
        let (arg0, arg1) = match std::env::consts::ARCH {
            "x86_64" => (self.byte("pt_regs", "di"), self.byte("pt_regs", "si")),
            _ => {
                let regs = self.byte_or_absent("user_pt_regs", "regs");
                (Ok(regs), Ok(regs.saturating_add(8)))
            }
        };
        Offsets {
            task_files: self.byte_or_absent("task_struct", "files"),
            files_fdt: self.byte_or_absent("files_struct", "fdt"),
            fdt_max_fds: self.byte_or_absent("fdtable", "max_fds"),
            fdt_fd: self.byte_or_absent("fdtable", "fd"),
            file_inode: self.byte_or_absent("file", "f_inode"),
            file_private_data: self.byte_or_absent("file", "private_data"),
            inode_mode: self.byte_or_absent("inode", "i_mode"),
            socket_state: self.byte_or_absent("socket", "state"),
            socket_sk: self.byte_or_absent("socket", "sk"),
            sk_type: self.byte_or_absent("sock", "sk_type"),
            sk_protocol: self.byte_or_absent("sock", "sk_protocol"),
            regs_arg0: arg0.unwrap_or(ABSENT),
            regs_arg1: arg1.unwrap_or(ABSENT),
            ..offsets
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Readable for Bytes<'_> {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> btfparse::Result<()> {
        let eof = || BtfError::new(ErrorKind::EOF, "read past the end of BTF");
        let start = usize::try_from(offset).map_err(|_| eof())?;
        let end = start.checked_add(buffer.len()).ok_or_else(eof)?;
        buffer.copy_from_slice(self.0.get(start..end).ok_or_else(eof)?);
        Ok(())
    }
}

/// The kernel's types as aya wants them, for attaching by type.
///
/// # Errors
/// [`AttachError::BadBtf`].
pub fn kernel_types(path: &Path) -> Result<Btf, AttachError> {
    Btf::parse_file(path, Endianness::default())
        .map_err(|error| AttachError::BadBtf(error.to_string()).about(path))
}

/// Where the running kernel keeps its own BTF.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_says_so_in_one_line() {
        let error = ResolvedOffsets::from_file(Path::new("/nonexistent/btf")).expect_err("missing");
        assert!(matches!(error, AttachError::NoBtf { .. }), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }

    #[test]
    fn garbage_is_not_btf() {
        for bytes in [&b""[..], b"garbage", &[0; 64]] {
            let error = ResolvedOffsets::from_btf(bytes).expect_err("not BTF");
            assert!(matches!(error, AttachError::BadBtf(_)), "{error}");
        }
    }

    #[test]
    fn a_part_of_a_kernel_s_types_is_refused() {
        let Ok(whole) = fs::read(KERNEL_BTF) else {
            assert!(std::env::var_os("CI").is_none(), "no {KERNEL_BTF}");
            eprintln!("skipped: no {KERNEL_BTF}");
            return;
        };
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("part.btf");
        for length in [0, 1, 4, 23, 24, 25, 1000, whole.len() / 3, whole.len() / 2, whole.len() - 1]
        {
            fs::write(&path, &whole[..length]).expect("a file");
            let both = [ResolvedOffsets::from_file(&path).map(drop), kernel_types(&path).map(drop)];
            let error = both.into_iter().find_map(Result::err).expect("refused").to_string();
            assert!(error.contains("part.btf") && error.lines().count() == 1, "{length}: {error}");
        }
        fs::write(&path, b"\x7fELF and more").expect("a file");
        let error = ResolvedOffsets::from_file(&path).expect_err("not raw").to_string();
        assert!(error.contains("part.btf: an ELF file"), "{error}");
    }

    #[test]
    fn this_kernel_has_every_required_field() {
        let path = Path::new(KERNEL_BTF);
        if !path.exists() {
            assert!(std::env::var_os("CI").is_none(), "no {KERNEL_BTF}");
            eprintln!("skipped: no {KERNEL_BTF}");
            return;
        }
        let resolved = ResolvedOffsets::from_file(path).expect("fields of this kernel");
        let offsets = resolved.offsets;
        // `skc_daddr` and `skc_rcv_saddr` are the first pair of `sock_common`.
        assert_eq!(offsets.skc_daddr, 0);
        assert_eq!(offsets.skc_rcv_saddr, 4);
        assert!(offsets.srtt_us > offsets.inet_sport);
        assert!(offsets.data_segs_out != ABSENT && offsets.skc_num != ABSENT);
    }
}
