//! Compiles the program that the recorder by eBPF loads; does nothing in a build without it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The source.
const SOURCE: &str = "src/recorders/ebpf/trace.bpf.c";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_EBPF").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed=src/recorders/ebpf");
    let target = ["CARGO_CFG_TARGET_ARCH", "CARGO_CFG_TARGET_OS"].map(|name| env::var(name).unwrap_or_default());
    assert_eq!(target, ["x86_64", "linux"], "the feature `ebpf` is for x86-64 Linux");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("trace.bpf.o");
    let headers = PathBuf::from(env::var_os("DEP_BPF_INCLUDE").expect("libbpf-sys tells it"));
    let mut clang = Command::new("clang");
    clang
        .args(["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-I"])
        .arg(headers);
    clang.args(["-c", SOURCE, "-o"]).arg(&out);
    let status = clang.status().expect("the feature `ebpf` needs clang to be built");
    assert!(status.success(), "clang refuses {SOURCE}");
}
