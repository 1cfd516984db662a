# Heavy programs, downloaded only by `tests/testbed.sh --with NAME…`; the form
# is that of the programs in packages.nix, whose install may use $gcc here.
{
  cargo.debs = [ "cargo" ];
  cmake.debs = [
    "cmake"
    "cmake-data"
  ];
  nodejs = {
    debs = [
      "nodejs"
      "libnode115"
      "node-acorn"
      "node-cjs-module-lexer"
      "node-minimatch"
      "node-undici"
    ];
    mainProgram = "node";
    install = "redirect node /usr/share/nodejs";
  };
  rustc.debs = [
    "rustc"
    "libstd-rust-1.85"
    "libstd-rust-dev"
  ];
}
