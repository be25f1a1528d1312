#!/usr/bin/env bash
# Rebuilds the committed BPF object from source.
#
#   build.sh           build and replace connlat-probe.bpf.o
#   build.sh --check   build and fail if the committed object differs
#   build.sh --lint    clippy for the target of the build, and no build
#
# Needs the pinned stable toolchain with rust-src, and bpf-linker 0.10.3; both
# are installed if missing. Exit 3: the toolchain cannot be had here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

toolchain=1.95.0
linker_version=0.10.3
object=connlat-probe.bpf.o
target_dir=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/bpf

unavailable() {
    echo "probe-ebpf: cannot rebuild the BPF object: $1" >&2
    exit 3
}

sysroot=$(rustc "+$toolchain" --print sysroot 2>/dev/null) || unavailable "no Rust $toolchain (rustup toolchain install $toolchain)"
if [ ! -d "$sysroot/lib/rustlib/src/rust/library" ]; then
    rustup component add rust-src --toolchain "$toolchain" >&2 || unavailable "no rust-src component"
fi
if [ "${1:-}" = --lint ]; then
    RUSTC_BOOTSTRAP=1 exec cargo "+$toolchain" clippy --locked --release -Z build-std=core \
        --target bpfel-unknown-none --target-dir "$target_dir" -- -D warnings
fi
linker=$(command -v bpf-linker || true)
if [ -z "$linker" ] || [ "$("$linker" --version)" != "bpf-linker $linker_version" ]; then
    # Takes minutes to compile: once per machine, not per checkout.
    root=${XDG_CACHE_HOME:-$HOME/.cache}/connlat/tools
    linker=$root/bin/bpf-linker
    if [ "$("$linker" --version 2>/dev/null)" != "bpf-linker $linker_version" ]; then
        cargo "+$toolchain" install bpf-linker --version "$linker_version" --locked --root "$root" >&2 ||
            unavailable "bpf-linker $linker_version does not build"
    fi
fi

# Nothing of this machine may reach the object: paths are remapped, and only
# BTF is kept of the debug information.
crates=$(cd .. && pwd)
flags=(
    -Clinker="$linker"
    -Clink-arg=--btf
    --remap-path-prefix="$crates=crates"
    --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}/registry/src=registry"
    --remap-path-prefix="$sysroot/lib/rustlib/src/rust=rust"
)
encoded=$(printf '%s\x1f' "${flags[@]}")
RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS=${encoded%$'\x1f'} \
    cargo "+$toolchain" build --locked --release -Z build-std=core \
    --target bpfel-unknown-none --target-dir "$target_dir" >&2

built=$target_dir/bpfel-unknown-none/release/connlat-probe
stripped=$target_dir/$object
objcopy=("$sysroot"/lib/rustlib/*/bin/rust-objcopy)
LD_LIBRARY_PATH=$sysroot/lib "${objcopy[0]}" --strip-debug "$built" "$stripped"

if [ "${1:-}" = --check ]; then
    if cmp "$stripped" "$object"; then
        echo "probe-ebpf: the committed $object is what the source builds" >&2
    else
        echo "probe-ebpf: the committed $object is not what the source builds; run crates/probe-ebpf/build.sh and commit it" >&2
        exit 1
    fi
else
    cp "$stripped" "$object"
    echo "probe-ebpf: $object, $(wc -c <"$object") bytes" >&2
fi
