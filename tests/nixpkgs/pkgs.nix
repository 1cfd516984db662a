# The part of the Nixpkgs interface that rendered flakes use.
{
  lib,
  system,
  config ? { },
}:
let
  debian = import ./debian.nix { inherit lib system; };
  inherit (pkgs) bash;

  initialPath = [
    pkgs.coreutils
    pkgs.findutils
    pkgs.diffutils
    pkgs.gnused
    pkgs.gnugrep
    pkgs.gawk
    pkgs.gnutar
    pkgs.gzip
    pkgs.bzip2
    pkgs.gnumake
    pkgs.bash
    pkgs.patch
    pkgs.xz
    pkgs.file
  ];

  stdenvWith =
    name: compilers:
    let
      setup = debian.unpacking name { initialPath = initialPath ++ compilers; } ''
        mkdir -p $out
        {
          echo "initialPath='$initialPath' shell=${bash}/bin/bash"
          cat ${builtins.toFile "setup.sh" (builtins.readFile ./setup.sh)}
        } > $out/setup
      '';
      mkDerivation =
        arg:
        let
          attrs = if lib.isFunction arg then lib.fix arg else arg;
        in
        derivation (
          removeAttrs attrs [
            "env"
            "meta"
            "passthru"
          ]
          // attrs.env or { }
          // {
            name = attrs.name or "${attrs.pname}-${attrs.version}";
            inherit system;
            stdenv = setup;
            # `nix develop` wants a builder called bash and the variable outputs.
            builder = "${bash}/bin/bash";
            outputs = attrs.outputs or [ "out" ];
            args = [
              "-e"
              (builtins.toFile "builder.sh" ''
                source "$stdenv/setup"
                genericBuild
              '')
            ];
            nativeBuildInputs = attrs.nativeBuildInputs or [ ];
            buildInputs = attrs.buildInputs or [ ];
          }
        )
        // {
          meta = attrs.meta or { };
        }
        // attrs.passthru or { };
      platform = {
        inherit system;
        isLinux = system != "aarch64-darwin";
        isDarwin = system == "aarch64-darwin";
        isx86_64 = system == "x86_64-linux";
        isAarch64 = system != "x86_64-linux";
      };
    in
    setup
    // {
      inherit mkDerivation initialPath;
      hostPlatform = platform;
      buildPlatform = platform;
      targetPlatform = platform;
      inherit (platform) isLinux isDarwin;
    };

  runCommandWith =
    stdenv: name: env: buildCommand:
    stdenv.mkDerivation (
      env
      // {
        inherit name buildCommand;
        passAsFile = [ "buildCommand" ] ++ env.passAsFile or [ ];
      }
    );

  mkShellWith =
    stdenv:
    {
      name ? "nix-shell",
      packages ? [ ],
      inputsFrom ? [ ],
      nativeBuildInputs ? [ ],
      buildInputs ? [ ],
      ...
    }@attrs:
    let
      inputsOf = kind: lib.concatMap (drv: drv.${kind} or [ ]) inputsFrom;
    in
    stdenv.mkDerivation (
      removeAttrs attrs [
        "packages"
        "inputsFrom"
      ]
      // {
        inherit name;
        nativeBuildInputs = packages ++ nativeBuildInputs ++ inputsOf "nativeBuildInputs";
        buildInputs = buildInputs ++ inputsOf "buildInputs";
        # Building a shell writes down its environment, as in Nixpkgs.
        phases = [ "buildPhase" ];
        buildPhase = ''export > "$out"'';
        preferLocalBuild = true;
      }
    );

  pkgs =
    debian.programs
    // debian.extra
    // {
      inherit lib system;
      inherit (debian) cacert gcc;
      bashInteractive = bash;
      binutils = pkgs.gcc;
      pkgconf = pkgs.pkg-config;

      python3 = debian.python // {
        pkgs = pkgs.python3Packages;
        withPackages = choose: debian.pythonEnv (choose pkgs.python3Packages);
      };
      python313 = pkgs.python3;
      python3Packages = debian.pythonModules;
      python313Packages = pkgs.python3Packages;

      callPackage =
        file: args:
        let
          f = if lib.isFunction file then file else import file;
        in
        f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // args);

      stdenvNoCC = stdenvWith "stdenv-no-cc-linux" [ ];
      stdenv = stdenvWith "stdenv-linux" [ pkgs.gcc ] // {
        cc = pkgs.gcc;
      };
      mkShell = mkShellWith pkgs.stdenv;
      mkShellNoCC = mkShellWith pkgs.stdenvNoCC;
      runCommand = runCommandWith pkgs.stdenvNoCC;
      runCommandLocal = pkgs.runCommand;
      runCommandCC = runCommandWith pkgs.stdenv;

      writeTextFile =
        {
          name,
          text,
          executable ? false,
          destination ? "",
        }:
        pkgs.runCommand name
          {
            inherit text executable;
            file = destination;
            passAsFile = [ "text" ];
          }
          ''
            mkdir -p "$(dirname "$out$file")"
            cp "$textPath" "$out$file"
            [ -z "$executable" ] || chmod +x "$out$file"
          '';
      writeText = name: text: pkgs.writeTextFile { inherit name text; };
      writeScriptBin =
        name: text:
        pkgs.writeTextFile {
          inherit name text;
          executable = true;
          destination = "/bin/${name}";
        }
        // {
          meta.mainProgram = name;
        };
      writeShellScript =
        name: text:
        pkgs.writeTextFile {
          inherit name;
          text = "#!${bash}/bin/bash\n${text}\n";
          executable = true;
        };
      writeShellScriptBin = name: text: pkgs.writeScriptBin name "#!${bash}/bin/bash\n${text}\n";
      writeShellApplication =
        {
          name,
          text,
          runtimeInputs ? [ ],
          ...
        }:
        pkgs.writeShellScriptBin name ''
          set -o errexit -o nounset -o pipefail
          export PATH="${lib.makeBinPath runtimeInputs}:$PATH"
          ${text}
        '';
      symlinkJoin =
        { name, paths, ... }:
        pkgs.runCommand name { inherit paths; } ''
          mkdir -p $out
          for path in $paths; do
            cp -rsf --no-preserve=mode $path/. $out/
          done
        '';
      buildEnv = pkgs.symlinkJoin;

      importNpmLock = import ./import-npm-lock.nix { inherit lib pkgs debian; };
      # Its script names what the image holds; it makes no image.
      dockerTools.streamLayeredImage =
        {
          name,
          tag,
          contents,
          config,
        }:
        pkgs.writeShellScript "stream-${name}" ''
          printf '%s\n' ${lib.escapeShellArgs ([ "${name}:${tag}" ] ++ config.Cmd)} ${lib.concatStringsSep " " contents}
        '';

      # Of Go as much as checks need: `go mod vendor` lists what go.mod requires, and all else wants that list.
      go = pkgs.writeShellScriptBin "go" ''
        required() { sed -n 's/^require //p' go.mod; }
        case "$*" in
          "mod vendor")
            ! required | grep unreachable.example || exit 1
            mkdir vendor && required > vendor/modules.txt
            ;;
          *) [ "$GOFLAGS" = -mod=vendor ] && [ "$(required)" = "$(< vendor/modules.txt)" ] ;;
        esac
      '';
      # As in Nixpkgs (pkgs/build-support/go/module.nix): the modules are fetched by one hash.
      buildGoModule =
        {
          name,
          src,
          modRoot ? "./",
          vendorHash,
        }:
        {
          goModules = pkgs.stdenvNoCC.mkDerivation {
            name = "${name}-go-modules";
            inherit src modRoot;
            nativeBuildInputs = [ pkgs.go ];
            buildPhase = ''
              cd "$modRoot"
              go mod vendor
            '';
            installPhase = "cp -r vendor $out";
            outputHashMode = "recursive";
            outputHashAlgo = "sha256";
            outputHash = vendorHash;
          };
        };

      # A package that is built with another: its shell has that.
      entr = pkgs.stdenv.mkDerivation {
        name = "entr";
        nativeBuildInputs = [ pkgs.jq ];
        buildCommand = "mkdir $out";
      };

      rustPlatform = import ./rust-platform.nix { inherit lib pkgs debian; };

      # Refused in the words of Nixpkgs (pkgs/stdenv/generic/check-meta.nix).
      bat =
        if (config.allowUnfreePredicate or (package: false)) { pname = "bat"; } then
          pkgs.writeScriptBin "bat" "#!/bin/sh"
        else
          throw "Package ‘bat-1.0’ in pkgs.nix:1 has an unfree license (‘unfree’), refusing to evaluate.";
      fzf = throw "Package ‘fzf-1.0’ in pkgs.nix:1 is marked as insecure, refusing to evaluate.";

      # What tests/testbed.sh builds, so that no test waits for it.
      prebuilt =
        lib.attrValues debian.programs
        ++ lib.attrValues debian.pythonModules
        ++ [
          pkgs.stdenv
          pkgs.stdenvNoCC
          pkgs.python3
          (pkgs.python3.withPackages (ps: [
            ps.pytest
            ps.requests
          ]))
          (pkgs.python3.withPackages lib.attrValues)
        ]
        ++ lib.filter (drv: (builtins.tryEval drv).success) (lib.attrValues debian.extra);
    };
in
pkgs
