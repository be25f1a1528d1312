//! Compiles what musl is too slow at, for the static program only.

fn main() {
    println!("cargo::rerun-if-changed=musl/memory.c");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}"));
    if target("ENV").as_deref() != Ok("musl") || target("ARCH").as_deref() != Ok("x86_64") {
        return;
    }
    cc::Build::new()
        .file("musl/memory.c")
        .opt_level(2)
        // Or the compiler makes of these functions calls to themselves.
        .flags(["-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns"])
        // Whole, so that nothing of musl's own is taken before it is seen.
        .link_lib_modifier("+whole-archive")
        .compile("connlat_memory");
}
