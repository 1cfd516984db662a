# Heavy programs, downloaded only by `tests/testbed.sh --with NAME…`; the form
# is that of the programs in packages.nix.
{
  cargo.debs = [ "cargo" ];
  cmake.debs = [
    "cmake"
    "cmake-data"
  ];
  rustc.debs = [
    "rustc"
    "libstd-rust-1.85"
    "libstd-rust-dev"
  ];
}
