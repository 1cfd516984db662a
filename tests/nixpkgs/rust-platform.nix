# importCargoLock and cargoSetupHook as in Nixpkgs, for crates that a test has
# put into the store as crate-NAME-VERSION.tar.gz (`nix-store --add-fixed sha256`).
{
  lib,
  pkgs,
  debian,
}:
{
  importCargoLock =
    { lockFile, ... }:
    let
      packages = (builtins.fromTOML (builtins.readFile lockFile)).package;
      vendored = lib.filter (package: package ? checksum) packages;
      fetch =
        package: debian.seeded "crate-${package.name}-${package.version}.tar.gz" "flat" package.checksum;
    in
    pkgs.runCommand "cargo-vendor-dir" { } ''
      mkdir -p $out/.cargo
      ${lib.concatMapStringsSep "\n" (package: ''
        tar xf ${fetch package} -C $out
        echo '{"files":{},"package":"${package.checksum}"}' \
          > $out/${package.name}-${package.version}/.cargo-checksum.json
      '') vendored}
      cat > $out/.cargo/config.toml <<'EOF'
      [source.crates-io]
      replace-with = "vendored-sources"

      [source.vendored-sources]
      directory = "@vendor@"
      EOF
    '';

  cargoSetupHook = pkgs.writeTextFile {
    name = "cargo-setup-hook";
    destination = "/nix-support/setup-hook";
    text = ''
      postUnpack() {
        mkdir -p .cargo
        sed "s,@vendor@,$cargoDeps," "$cargoDeps/.cargo/config.toml" >> .cargo/config.toml
        export CARGO_HOME=$NIX_BUILD_TOP/cargo-home
      }
    '';
  };
}
