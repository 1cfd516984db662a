{
  description = "Watch what an agent session really runs, and leave behind a small pinned flake.nix that Nix has proved";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAllSystems = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      packageFor =
        pkgs:
        pkgs.rustPlatform.buildRustPackage {
          pname = "agent-capture";
          version = (nixpkgs.lib.importTOML ./Cargo.toml).package.version;
          src = nixpkgs.lib.fileset.toSource {
            root = ./.;
            fileset = nixpkgs.lib.fileset.unions [
              ./Cargo.lock
              ./Cargo.toml
              ./README.md
              ./benches
              ./build.rs
              ./fixtures
              ./rustfmt.toml
              ./schemas
              ./src
              ./templates
              ./tests
            ];
          };
          cargoLock.lockFile = ./Cargo.lock;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          nativeCheckInputs = [ pkgs.git ];
          # The build sandbox forbids a second recorder and has no Nix: library, golden and layer tests run here.
          cargoTestFlags = [
            "--lib"
            "--test=golden"
            "--test=layers"
          ];
          postInstall = ''
            $out/bin/agent-capture man man
            installManPage man/*.1
            installShellCompletion --cmd agent-capture \
              --bash <($out/bin/agent-capture completions bash) \
              --fish <($out/bin/agent-capture completions fish) \
              --zsh <($out/bin/agent-capture completions zsh)
          '';
          meta = {
            description = "Turns what an agent session ran into a pinned flake that Nix has proved";
            license = nixpkgs.lib.licenses.mit;
            mainProgram = "agent-capture";
            platforms = nixpkgs.lib.platforms.linux;
          };
        };
    in
    {
      packages = forAllSystems (pkgs: {
        default = packageFor pkgs;
      });

      devShells = forAllSystems (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ (packageFor pkgs) ];
          packages = [
            pkgs.clippy
            pkgs.git
            pkgs.jq
            pkgs.ripgrep
            pkgs.rustfmt
            pkgs.shellcheck
          ];
        };
      });

      checks = forAllSystems (pkgs: {
        package = packageFor pkgs;
        devshell = self.devShells.${pkgs.stdenv.hostPlatform.system}.default;
        format = (packageFor pkgs).overrideAttrs (old: {
          pname = "agent-capture-format";
          nativeBuildInputs = old.nativeBuildInputs ++ [
            pkgs.clippy
            pkgs.rustfmt
          ];
          buildPhase = ''
            cargo fmt --check
            cargo clippy --offline --all-targets -- -D warnings
          '';
          doCheck = false;
          installPhase = ''touch "$out"'';
        });
      });
    };
}
