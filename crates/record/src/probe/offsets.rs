//! Field offsets of the running kernel, from its BTF.
//!
//! The probe cannot relocate itself (rustc has no CO-RE), so it gets these as
//! constants. Which fields, and what it means that one is missing, is declared
//! in `connlat_schema::offsets`.

use std::fs;
use std::path::Path;

use aya::{Btf, Endianness};
use btfparse::{Error as BtfError, ErrorKind, Offset, Readable, TypeInformation, TypeVariant};
use connlat_schema::offsets::{ABSENT, Absence, Feature, KernelField, Offsets};

use super::error::AttachError;

/// Offsets, and what this kernel could not provide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedOffsets {
    /// For the probe.
    pub offsets: Offsets,
    /// Bytes that each field has; 0 for a bit field and where it is missing.
    pub(super) widths: Offsets,
    /// Bits of each bit field within its byte, all of them for other fields.
    pub(super) masks: Offsets,
    /// Optional fields that are missing, as `struct.field (what is lost)`.
    pub unavailable: Vec<String>,
}

impl ResolvedOffsets {
    /// Whether every field that a feature needs is there.
    pub(super) fn has_all_of(&self, feature: Feature) -> bool {
        self.offsets
            .each()
            .iter()
            .all(|(field, offset)| field.absence != Absence::Disables(feature) || *offset != ABSENT)
    }

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
        let offsets = Offsets::find(|wanted| match (kernel.field(wanted), wanted.absence) {
            (Some(field), _) => Ok(field.byte),
            (None, Absence::Refused) => {
                let KernelField { structure, path, .. } = wanted;
                Err(AttachError::BadBtf(format!("no field {structure}.{path}")))
            }
            (None, Absence::Costs(lost)) => {
                unavailable.push(format!("{} ({lost})", short_name(wanted)));
                Ok(ABSENT)
            }
            (None, Absence::Disables(_)) => Ok(ABSENT),
        })?;
        let each = |of: fn(&Field) -> u32| {
            Offsets::find(|wanted| Ok(kernel.field(wanted).map_or(0, |field| of(&field))))
        };
        let (widths, masks) = (each(|field| field.width)?, each(|field| field.mask)?);
        Ok(Self { offsets, widths, masks, unavailable })
    }
}

/// `sock.skc_net` for `sock.__sk_common.skc_net.net`: as the kernel's sources
/// speak of it.
fn short_name(field: &KernelField) -> String {
    let path = field.path.trim_start_matches("__sk_common.").trim_end_matches(".net");
    format!("{}.{path}", field.structure)
}

/// Where a field is, and how much of it there is.
struct Field {
    byte: u32,
    width: u32,
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
    fn find(types: &'a TypeInformation) -> Self {
        let mut structs = Vec::new();
        for (&id, variant) in types.get() {
            if let TypeVariant::Struct(found) = variant
                && let Some(name) = found.name()
                && let Some(wanted) = Offsets::FIELDS.iter().find(|field| field.structure == name)
            {
                structs.push((wanted.structure, id));
            }
        }
        Self { types, structs }
    }

    fn field(&self, wanted: &KernelField) -> Option<Field> {
        let named = self.structs.iter().filter(|(name, _)| *name == wanted.structure);
        let (id, offset) =
            named.into_iter().find_map(|(_, id)| self.types.offset_of(*id, wanted.path).ok())?;
        Some(match offset {
            Offset::ByteOffset(byte) => {
                let width = self.types.size_of(id).ok().and_then(|size| u32::try_from(size).ok());
                Field { byte, width: width.unwrap_or_default(), mask: 0xff }
            }
            Offset::BitOffsetAndSize(bit, size) => Field {
                byte: bit / 8,
                width: 0,
                // Little-endian bit fields count from the lowest bit.
                mask: ((1 << size.min(8)) - 1) << (bit % 8),
            },
        })
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
    use test_support::skip;

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
            return skip(format_args!("no {KERNEL_BTF}"));
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
            return skip(format_args!("no {KERNEL_BTF}"));
        }
        let resolved = ResolvedOffsets::from_file(path).expect("fields of this kernel");
        let offsets = resolved.offsets;
        // `skc_daddr` and `skc_rcv_saddr` are the first pair of `sock_common`.
        assert_eq!(offsets.skc_daddr, 0);
        assert_eq!(offsets.skc_rcv_saddr, 4);
        assert!(offsets.srtt_us > offsets.inet_sport);
        assert!(offsets.data_segs_out != ABSENT && offsets.skc_num != ABSENT);
        for feature in [Feature::Processes, Feature::LocalErrors] {
            assert!(resolved.has_all_of(feature), "{feature:?}");
        }
        assert_eq!(resolved.masks.sk_kern_sock.count_ones(), 1, "a bit field");
        assert!([4, 8].contains(&resolved.widths.net_port_range));
    }
}
